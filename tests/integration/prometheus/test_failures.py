"""What becomes of a question when a Prometheus is away, slow, broken, guarded or something else."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr, ValidationError
from tests.prometheus_runs import RunningPrometheus, free_port, running_prometheus

from phoenix_platform.adapters.prometheus.client import open_prometheus
from phoenix_platform.adapters.prometheus.queries import PrometheusQueries, open_queries
from phoenix_platform.adapters.prometheus.results import QueryRefusedError
from phoenix_platform.adapters.prometheus.settings import (
    PrometheusSettings,
    settings_from_environment,
)
from phoenix_platform.analysis.answers import Answer, AnswerKind
from phoenix_platform.analysis.queries import NoData, QueryGuardrail
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import InvalidInputError, UnavailableError

pytestmark = pytest.mark.timeout(180)

ONE = QueryGuardrail(name="one", query="vector(1)", max=5.0)
SOON = timedelta(seconds=1)
LONG = timedelta(seconds=60)
NUMBER = b'{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}'
WORD = "test"
# bcrypt of it, from the example of Prometheus' documentation on basic authentication.
BCRYPT = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"


def queries_to(
    url: str, deadline: timedelta = LONG, **more: Any
) -> AbstractAsyncContextManager[PrometheusQueries]:
    settings = PrometheusSettings.model_validate({"url": url, "deadline": deadline, **more})
    return open_queries(settings, SystemClock())


async def answer_from(url: str, deadline: timedelta = LONG, **more: Any) -> Answer:
    async with queries_to(url, deadline, **more) as queries:
        return await queries.ask(ONE)


@dataclass(slots=True)
class Stage:
    """A server that says what a test tells it to, one answer a request, the last for ever."""

    answers: list[tuple[int, bytes]]
    """Status and body; the status 0 hangs up, without any the server is silent."""
    requests: list[str] = field(default_factory=list[str])
    url: str = ""
    _connections: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.append(asyncio.create_task(self._serve(reader, writer)))

    async def end(self) -> None:
        await asyncio.gather(*self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await self._answer(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (
                int(line[16:])
                for line in head.splitlines()
                if line.lower().startswith("content-length")
            ),
            0,
        )
        self.requests.append(head + (await reader.readexactly(length)).decode())
        if not self.answers:
            await reader.read()  # until the client leaves
            return
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status:
            writer.write(
                f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            )
            writer.write(body)
            await writer.drain()


@asynccontextmanager
async def stage(*answers: tuple[int, bytes]) -> AsyncGenerator[Stage]:
    played = Stage(list(answers))
    server = await asyncio.start_server(played.connected, "127.0.0.1", 0)
    async with server:
        played.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield played
        await played.end()


# --- away, slow, broken


async def test_nobody_there_is_no_answer_within_the_deadline() -> None:
    began = time.monotonic()
    answer = await answer_from(f"http://127.0.0.1:{free_port()}", SOON)
    assert answer.kind is AnswerKind.NO_ANSWER
    assert "within 1 s; start it" in answer.detail
    assert 0.9 < time.monotonic() - began < 30


async def test_a_server_that_says_nothing_is_left_at_the_deadline() -> None:
    async with stage() as played:
        began = time.monotonic()
        answer = await answer_from(played.url, SOON)
        assert answer.kind is AnswerKind.NO_ANSWER
        assert "no answer within 1 s" in answer.detail
        assert 0.9 < time.monotonic() - began < 30
        assert answer.received_at_unix_ms - answer.evaluated_at_unix_ms >= 900


@pytest.mark.parametrize("failure", [(500, b""), (503, b"busy"), (429, b""), (0, b"")])
async def test_a_failure_that_passes_is_tried_again(failure: tuple[int, bytes]) -> None:
    async with stage(failure, failure, (200, NUMBER)) as played:
        answer = await answer_from(played.url)
        assert (answer.kind, answer.number) == (AnswerKind.NUMBER, 1.0)
        assert len(played.requests) == 3


async def test_a_failure_that_stays_is_told_with_the_servers_words() -> None:
    said = b'{"status":"error","errorType":"internal","error":"disk is full"}'
    async with stage((500, said)) as played:
        answer = await answer_from(played.url, SOON)
        assert answer.kind is AnswerKind.NO_ANSWER
        assert "it answered 500 (disk is full) within 1 s" in answer.detail
        assert 2 <= len(played.requests) < 20


async def test_a_query_that_is_wrong_is_not_tried_again() -> None:
    said = b'{"status":"error","errorType":"bad_data","error":"parse error"}'
    async with stage((400, said)) as played:
        answer = await answer_from(played.url)
        assert (answer.kind, answer.detail) == (AnswerKind.REFUSED, "parse error")
        assert len(played.requests) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"404 page not found"),
        (302, b""),
        (200, b"<html>sign in</html>"),
        (200, b'{"message":"something else"}'),
        (200, b'{"status":"success","data":{"items":[]}}'),
        (200, b'{"status":"success"}'),
        (200, b"\xff\xfe"),
    ],
)
async def test_what_is_no_prometheus_is_said_to_be_none(status: int, body: bytes) -> None:
    async with stage((status, body)) as played:
        answer = await answer_from(played.url)
        assert answer.kind is AnswerKind.NO_ANSWER
        assert len(played.requests) == 1


async def test_a_server_without_post_is_asked_by_get_from_then_on() -> None:
    async with stage((405, b""), (200, NUMBER)) as played, queries_to(played.url) as queries:
        assert (await queries.ask(ONE)).number == 1.0
        assert (await queries.ask(ONE)).number == 1.0
        assert [one.split(" ")[0] for one in played.requests] == ["POST", "GET", "GET"]
        assert "query=vector%281%29" in played.requests[-1]


async def test_an_answer_without_end_is_cut_off() -> None:
    async with stage((200, b" " * 9 * 2**20)) as played:
        answer = await answer_from(played.url)
        assert answer.kind is AnswerKind.REFUSED
        assert "more than 8 MiB; aggregate it" in answer.detail


async def test_native_histograms_are_no_numbers() -> None:
    element = b'{"metric":{},"histogram":[1,{"count":"1","sum":"1","buckets":[]}]}'
    body = b'{"status":"success","data":{"resultType":"vector","result":[%s]}}' % element
    async with stage((200, body)) as played:
        assert "native histogram" in (await answer_from(played.url)).detail


async def test_native_histograms_are_no_range_of_numbers_and_nothing_is_an_empty_one() -> None:
    element = b'{"metric":{},"histograms":[[1,{"count":"1","sum":"1","buckets":[]}]]}'
    body = b'{"status":"success","data":{"resultType":"matrix","result":[%s]}}'
    empty = b'{"metric":{"a":"b"},"values":[]}'
    now, second = datetime.fromtimestamp(0, tz=UTC), timedelta(seconds=1)
    async with (
        stage((200, body % element), (200, body % empty)) as played,
        open_prometheus(PrometheusSettings(url=played.url)) as prometheus,
    ):
        with pytest.raises(QueryRefusedError, match="native histogram"):
            await prometheus.series("x", start=now, end=now, step=second)
        (one,) = await prometheus.series("x", start=now, end=now, step=second)
    assert (one.labels, one.times, one.values) == ({"a": "b"}, (), ())


# --- before a run


async def test_a_server_that_reads_a_query_and_does_not_answer_it_is_not_there() -> None:
    parsed = b'{"status":"success","data":{}}'
    async with stage((200, parsed), (500, b"")) as played, queries_to(played.url, SOON) as queries:
        with pytest.raises(UnavailableError, match=r"guardrail one: .*it answered 500"):
            await queries.check(ONE)


async def test_a_check_says_what_can_still_be_mended() -> None:
    async with queries_to(f"http://127.0.0.1:{free_port()}", SOON) as queries:
        with pytest.raises(UnavailableError, match="guardrail one: http://127"):
            await queries.check(ONE)
        ignoring = QueryGuardrail(name="two", query="up", max=1, no_data=NoData.IGNORE)
        assert (await queries.check(ignoring)).kind is AnswerKind.NO_ANSWER


async def test_a_server_without_a_parser_to_ask_is_asked_the_query() -> None:
    async with stage((404, b""), (200, NUMBER)) as played, queries_to(played.url) as queries:
        assert (await queries.check(ONE)).number == 1.0
        assert [one.split(" ")[1] for one in played.requests] == [
            "/api/v1/parse_query", "/api/v1/query",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("vector(", "guardrail bad: query: .*parse error"),
        ("vector(1) or label_replace(vector(2), 'a', 'b', '', '')", "bad: query: gives 2 series"),
        ("vector(1)[1m:]", "guardrail bad: query: gives a matrix"),
    ],
)
async def test_a_wrong_query_is_refused_before_the_run(
    guarded: "Guarded", query: str, complaint: str
) -> None:
    async with queries_to(guarded.server.url, **guarded.access) as queries:
        with pytest.raises(InvalidInputError, match=complaint):
            await queries.check(QueryGuardrail(name="bad", query=query, max=1.0))
        nothing = await queries.check(QueryGuardrail(name="nothing", query="nobody", max=1.0))
        assert nothing.kind is AnswerKind.NO_SERIES


# --- signing in


@dataclass(frozen=True)
class Guarded:
    """A Prometheus behind TLS of a private CA and a password."""

    server: RunningPrometheus
    folder: Path

    @property
    def access(self) -> dict[str, Any]:
        return {
            "ca_file": self.folder / "ca.pem",
            "username": "admin",
            "password_file": self.folder / "password",
        }


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Generator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    write_certificate(folder)
    (folder / "password").write_text(f"{WORD}\n")
    web = folder / "web.yaml"
    web.write_text(
        f"tls_server_config: {{ cert_file: {folder / 'ca.pem'}, key_file: {folder / 'key.pem'} }}\n"
        f'basic_auth_users: {{ admin: "{BCRYPT}" }}\n'
    )
    with running_prometheus(
        folder,
        web_config=web,
        tls=ssl.create_default_context(cafile=folder / "ca.pem"),
        headers={"Authorization": "Basic YWRtaW46dGVzdA=="},
    ) as server:
        yield Guarded(server, folder)


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(tz=UTC)  # noqa: TID251 - the certificate's clock is that of the TLS library
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


async def test_a_password_and_a_private_ca_open_a_guarded_one(guarded: Guarded) -> None:
    answer = await answer_from(guarded.server.url, **guarded.access)
    assert answer.number == 1.0, answer.detail
    by_value: dict[str, Any] = guarded.access | {"password": SecretStr(WORD), "password_file": None}
    assert (await answer_from(guarded.server.url, **by_value)).number == 1.0


async def test_a_changed_password_file_is_taken_up(guarded: Guarded, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("wrong")
    access: dict[str, Any] = guarded.access | {"password_file": file}
    async with queries_to(guarded.server.url, **access) as queries:
        refused = await queries.ask(ONE)
        assert refused.kind is AnswerKind.NO_ANSWER
        assert "it answered 401; set PHOENIX_PROMETHEUS__BEARER_TOKEN_FILE" in refused.detail
        file.write_text(WORD)
        assert (await queries.ask(ONE)).number == 1.0
        file.unlink()
        gone = await queries.ask(ONE)
        assert gone.kind is AnswerKind.NO_ANSWER
        assert f"cannot read {file}" in gone.detail


async def test_an_unknown_ca_is_named_at_once(guarded: Guarded) -> None:
    access: dict[str, Any] = guarded.access | {"ca_file": None}
    answer = await answer_from(guarded.server.url, **access)
    assert answer.kind is AnswerKind.NO_ANSWER
    assert "set PHOENIX_PROMETHEUS__CA_FILE" in answer.detail


async def test_a_token_is_sent_and_said_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret-token\n")
    async with stage((403, b"")) as played:
        by_file = await answer_from(played.url, bearer_token_file=file)
        by_value = await answer_from(played.url, bearer_token=SecretStr("s3cret-token"))
        assert all("authorization: bearer s3cret-token" in one.lower() for one in played.requests)
        assert "s3cret" not in repr((by_file, by_value))


# --- settings


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (None, "no Prometheus is named; give its URL, or set PHOENIX_PROMETHEUS__URL"),
        ("http://admin:hush@host:9090", "credentials stand in the URL"),
        ("host:9090", "not the base URL of a Prometheus"),
        ("ftp://host", "not the base URL"),
        ("http://host/?query=up", "not the base URL"),
        ("http://host:port", "no URL"),
    ],
)
async def test_a_url_that_is_none_is_refused_before_anything_starts(
    url: str | None, complaint: str
) -> None:
    with pytest.raises(InvalidInputError, match=complaint) as caught:
        async with open_prometheus(PrometheusSettings(url=url)):
            pass
    assert "hush" not in str(caught.value)


async def test_a_path_before_the_api_is_kept() -> None:
    async with stage((200, NUMBER)) as played, queries_to(f"{played.url}/mimir/") as queries:
        assert queries.url == f"{played.url}/mimir"
        await queries.ask(ONE)
        assert played.requests[0].startswith("POST /mimir/api/v1/query ")


@pytest.mark.parametrize("field", ["bearer_token_file", "ca_file"])
async def test_a_file_that_cannot_be_read_stops_the_start(field: str, tmp_path: Path) -> None:
    more: dict[str, Any] = {field: tmp_path / "none"}
    with pytest.raises(InvalidInputError, match="PHOENIX_PROMETHEUS__"):
        async with queries_to("http://localhost", **more):
            pass


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "a"},
        {"password": "b"},
        {"username": "a", "password": "b", "password_file": "c"},
        {"username": "a", "password": "b", "bearer_token": "c"},
        {"bearer_token": "b", "bearer_token_file": "c"},
        {"deadline": "soon"},
        {"tokn": "x"},
    ],
)
def test_settings_that_contradict_each_other_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        PrometheusSettings.model_validate(fields)


def test_the_environment_fills_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOENIX_PROMETHEUS__URL", "http://prometheus:9090")
    monkeypatch.setenv("PHOENIX_PROMETHEUS__DEADLINE", "3s")
    monkeypatch.setenv("PHOENIX_PROMETHEUS__BEARER_TOKEN", "s3cret")
    settings = settings_from_environment()
    assert (settings.url, settings.deadline) == ("http://prometheus:9090", timedelta(seconds=3))
    assert "s3cret" not in repr(settings)
    monkeypatch.setenv("PHOENIX_PROMETHEUS__DEADLINE", "s3cret soon")
    with pytest.raises(InvalidInputError, match="PHOENIX_PROMETHEUS__DEADLINE") as caught:
        settings_from_environment()
    assert "token" not in str(caught.value)
