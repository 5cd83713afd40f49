"""Asks a Prometheus over HTTP: one deadline for each question, failures tried again within it.

`queries` (guardrails) is its only caller in this package. Secrets go into headers and nowhere else: no message
and no log of ours has them.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from random import SystemRandom
from typing import Final

import httpx
from pydantic import SecretStr

from phoenix_platform.adapters.prometheus.results import (
    Payload,
    QueryRefusedError,
    Series,
    number_of,
    payload_of,
    series_of,
)
from phoenix_platform.adapters.prometheus.settings import PrometheusSettings
from phoenix_platform.core.errors import InvalidInputError, UnavailableError

_MOST_BODY_BYTES: Final = 8 * 2**20
"""A guardrail's answer has a hundred bytes, a long range of many series a few MB."""
_MOST_SERIES: Final = 20
"""Asked for of an instant query: one is needed, some more tell which they are. Older servers send all."""
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 2.0
_CONNECT_SECONDS: Final = 3.0
_REFUSALS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_SIGN_IN: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_WITHOUT_POST: Final = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})


class _TransientError(Exception):
    """Worth another try within the deadline; its text says what happened."""


class Prometheus:
    """One server; `open_prometheus` makes it."""

    def __init__(self, http: httpx.AsyncClient, url: str, deadline: timedelta) -> None:
        self._http = http
        self.url = url
        """Without credentials; may be shown."""
        self._deadline = deadline
        self._random = SystemRandom()
        self._method = "POST"

    async def number(self, query: str, *, at_unix_ms: int) -> float | None:
        """The one number that a query gives at a time; None without a series.

        Raises:
            QueryRefusedError: If Prometheus refuses it, or it gives no numbers.
            SeveralSeriesError: If it gives several series.
            UnavailableError: If nobody answers within the deadline, or not as Prometheus does.
        """
        facts = {"query": query, "time": _seconds(at_unix_ms), "limit": str(_MOST_SERIES)}
        return number_of(await self._ask("query", facts))

    async def series(
        self, query: str, *, start: datetime, end: datetime, step: timedelta
    ) -> tuple[Series, ...]:
        """What a query gives at start, start + step, … up to end.

        Raises:
            QueryRefusedError: If Prometheus refuses it; more than 11,000 steps are.
            UnavailableError: As `number`.
        """
        facts = {
            "query": query,
            "start": _seconds(round(start.timestamp() * 1000)),
            "end": _seconds(round(end.timestamp() * 1000)),
            "step": f"{step.total_seconds():.3f}",
        }
        return series_of(await self._ask("query_range", facts))

    async def check(self, query: str) -> bool:
        """Whether the query was read by the server's own parser; False if the server has none to ask.

        Raises:
            QueryRefusedError: If it is no PromQL, with the parser's words.
            UnavailableError: As `number`.
        """
        try:
            await self._ask("parse_query", {"query": query})
        except _NoSuchEndpointError:
            return False
        return True

    async def _ask(self, endpoint: str, facts: Mapping[str, str]) -> bytes:
        seconds = self._deadline.total_seconds()
        facts = {**facts, "timeout": f"{round(seconds * 1000)}ms"}
        said, pause = "no answer", _FIRST_PAUSE_SECONDS
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        return await self._try(endpoint, facts)
                    except _TransientError as error:
                        said = str(error)
                    await asyncio.sleep(self._random.uniform(0.1, 1.0) * pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        except TimeoutError as error:
            raise UnavailableError(
                f"{self.url}: {said} within {seconds:g} s; start it, name another, or ask a quicker query"
            ) from error

    async def _try(self, endpoint: str, facts: Mapping[str, str]) -> bytes:
        """One request; the `data` of its answer."""
        try:
            status, body = await self._request(endpoint, facts)
            if self._method == "POST" and status in _WITHOUT_POST:
                self._method = "GET"
                status, body = await self._request(endpoint, facts)
        except httpx.RequestError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise UnavailableError(
                    f"{self.url}: {error}; set PHOENIX_PROMETHEUS__CA_FILE to the CA's certificates"
                ) from error
            raise _TransientError(str(error) or type(error).__name__) from error
        payload = payload_of(body)
        if payload is not None and payload.status == "success" and status == HTTPStatus.OK:
            return bytes(payload.data)
        raise self._failure(endpoint, status, payload)

    async def _request(self, endpoint: str, facts: Mapping[str, str]) -> tuple[int, bytes]:
        url = f"{self.url}/api/v1/{endpoint}"
        sent = (
            self._http.stream("POST", url, data=facts)
            if self._method == "POST"
            else self._http.stream("GET", url, params=facts)
        )
        async with sent as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _MOST_BODY_BYTES:
                    raise QueryRefusedError(
                        f"gives more than {_MOST_BODY_BYTES // 2**20} MiB; aggregate it, such as max(…)"
                    )
            return response.status_code, bytes(body)

    def _failure(self, endpoint: str, status: int, payload: Payload | None) -> Exception:
        """What an answer other than data means for whoever asked."""
        if payload is not None and payload.error and status in _REFUSALS:
            return QueryRefusedError(payload.error)
        if status in _SIGN_IN:
            return UnavailableError(
                f"{self.url}: it answered {status}; set PHOENIX_PROMETHEUS__BEARER_TOKEN_FILE, or "
                "PHOENIX_PROMETHEUS__USERNAME and PHOENIX_PROMETHEUS__PASSWORD_FILE"
            )
        said = f"it answered {status}"
        if payload is not None and payload.error:
            said += f" ({payload.error})"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            return _TransientError(said)
        if endpoint == "parse_query" and status == HTTPStatus.NOT_FOUND:
            return _NoSuchEndpointError()
        return UnavailableError(
            f"{self.url}: {said} at /api/v1/{endpoint}, not as Prometheus does; give the URL whose "
            "/api/v1/query answers queries"
        )


class _NoSuchEndpointError(Exception):
    """The server speaks the API without this part."""


@asynccontextmanager
async def open_prometheus(settings: PrometheusSettings) -> AsyncGenerator[Prometheus]:
    """The Prometheus of the settings; nothing is asked yet.

    Raises:
        InvalidInputError: If there is no URL, or it is none of a Prometheus, or a file cannot be read.
    """
    url = _checked_url(settings.url)
    _secret(settings.bearer_token, settings.bearer_token_file)  # an unreadable file fails at once
    _secret(settings.password, settings.password_file)
    seconds = settings.deadline.total_seconds()
    async with httpx.AsyncClient(
        auth=_Auth(settings),
        verify=_trust(settings.ca_file),
        timeout=httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds)),
    ) as http:
        yield Prometheus(http, url, settings.deadline)


class _Auth(httpx.Auth):
    """Signs every request; files are read again each time, since what is in them is rotated."""

    def __init__(self, settings: PrometheusSettings) -> None:
        self._settings = settings

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        settings = self._settings
        token = _secret(settings.bearer_token, settings.bearer_token_file)
        password = _secret(settings.password, settings.password_file)
        if token is not None:
            request.headers["Authorization"] = f"Bearer {token}"
        elif settings.username is not None and password is not None:
            next(httpx.BasicAuth(settings.username, password).auth_flow(request))
        yield request


def _secret(given: SecretStr | None, file: Path | None) -> str | None:
    """What was given, or what the file holds.

    Raises:
        InvalidInputError: If the file cannot be read.
    """
    if given is not None or file is None:
        return None if given is None else given.get_secret_value()
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"PHOENIX_PROMETHEUS__: cannot read {file}; name a readable text file"
        ) from error


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    """What certificates are believed."""
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidInputError(
            f"PHOENIX_PROMETHEUS__CA_FILE: no PEM certificates in {ca_file}; name the file of the CA"
        ) from error


def _checked_url(text: str | None) -> str:
    if text is None:
        raise InvalidInputError(
            "--prometheus: no Prometheus is named; give its URL, or set PHOENIX_PROMETHEUS__URL"
        )
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise InvalidInputError(
            f"--prometheus: no URL: {error}; write https://HOST:9090"
        ) from error
    if url.userinfo:
        raise InvalidInputError(
            "--prometheus: credentials stand in the URL, where others see them; set "
            "PHOENIX_PROMETHEUS__USERNAME and PHOENIX_PROMETHEUS__PASSWORD_FILE"
        )
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise InvalidInputError(
            f"--prometheus: not the base URL of a Prometheus: {text!r}; write https://HOST:9090"
        )
    return str(url).rstrip("/")


def _seconds(unix_ms: int) -> str:
    return f"{unix_ms // 1000}.{unix_ms % 1000:03}"
