"""Rules about what happens when it runs: ports, queues, secrets in the text.

Called by `linting`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Path, Value
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.lint.subjects import Found, Subject
from phoenix_platform.pipelines.secrets import is_surely_secret

_DEFAULT_PORT: Final[Mapping[tuple[Kind, str], tuple[tuple[Path, int], ...]]] = {
    (Kind.RECEIVER, "otlp"): ((("protocols", "grpc"), 4317), (("protocols", "http"), 4318)),
    (Kind.RECEIVER, "jaeger"): (
        (("protocols", "grpc"), 14250), (("protocols", "thrift_http"), 14268),
    ),
    (Kind.RECEIVER, "opencensus"): (((), 55678),),
    (Kind.RECEIVER, "zipkin"): (((), 9411),),
    (Kind.EXTENSION, "health_check"): (((), 13133),),
    (Kind.EXTENSION, "pprof"): (((), 1777),),
    (Kind.EXTENSION, "zpages"): (((), 55679),),
    (Kind.EXPORTER, "prometheus"): (((), 0),),
    (Kind.RECEIVER, "splunk_hec"): (((), 8088),),
    (Kind.RECEIVER, "signalfx"): (((), 9943),),
}  # fmt: skip
"""Components that listen on TCP: under which settings, and on which port by default (0: there is none)."""
_SELF_TELEMETRY_PORT: Final = 8888
_ENDPOINT: Final = re.compile(r"^(?P<host>\[[^\]]*\]|[^:\[\]/]*):(?P<port>\d+)$")
_ANY_HOST: Final = frozenset({"", "0.0.0.0", "[::]", "::"})  # noqa: S104 - compared with, never bound

_URL_PASSWORD: Final = re.compile(r"^[a-z][a-z0-9+.-]*://[^/\s:@]+:(?P<password>[^/\s@]+)@")
_PLACEHOLDER: Final = re.compile(
    r"[<>{}$*]|^(x+|\.+|changeme|todo|dummy|none|redacted)$|your", re.IGNORECASE
)
"""What stands for a secret in examples."""


def port_clashes(subject: Subject) -> Iterator[Found]:
    """Two things of one collector that listen on the same port; `validate` does not see it."""
    taken: dict[int, list[tuple[str, str]]] = {}
    for path, component, host, port in _listening(subject):
        for other, other_host in taken.get(port, []):
            if host == other_host or host in _ANY_HOST or other_host in _ANY_HOST:
                yield subject.found(
                    "port-clash", Severity.ERROR, path,
                    f"port {port} is taken by {other}: the collector does not start",
                    fix="give one of them another port", component=component,
                )  # fmt: skip
                break
        taken.setdefault(port, []).append((component or "self-telemetry", host))


def queues(subject: Subject) -> Iterator[Found]:
    used = subject.used()
    for component in subject.configuration.components[Kind.EXPORTER].values():
        queue = component.settings.get("sending_queue")
        is_off = isinstance(queue, Mapping) and queue.get("enabled") is False
        if is_off and (Kind.EXPORTER, component.id) in used:
            yield subject.found(
                "sending-queue-off", Severity.WARNING, (*component.path, "sending_queue"),
                "without a sending queue one slow or dead backend holds up the whole pipeline, other exporters too",
                fix="remove `enabled: false`", component=component.id,
            )  # fmt: skip
        queue = component.settings.get("queued_retry")
        if queue is not None:
            yield subject.found(
                "sending-queue-off", Severity.WARNING, (*component.path, "queued_retry"),
                "queued_retry is read by no collector since 2020",
                fix="write sending_queue and retry_on_failure", component=component.id,
            )  # fmt: skip


def clear_secrets(subject: Subject) -> Iterator[Found]:
    """Secrets in the text. They are never repeated in a message."""
    for component in subject.components():
        for path, key, _ in _secrets_in(component.settings, component.path, ""):
            yield subject.found(
                "secret-in-clear-text", Severity.WARNING, path,
                f"{key}: a secret in clear text",
                fix="read it from the environment, ${env:NAME}, and change it where it was seen",
                component=component.id,
            )  # fmt: skip


def clear_secret_values(subject: Subject) -> set[str]:
    """The secrets themselves: for masking, and nothing else."""
    return {
        secret
        for component in subject.components()
        for _, _, secret in _secrets_in(component.settings, component.path, "")
    }


def _listening(subject: Subject) -> Iterator[tuple[Path, str, str, int]]:
    telemetry = _self_telemetry(subject)
    if telemetry is not None:
        yield telemetry
    used = subject.used()
    for component in subject.components():
        if (component.kind, component.id) not in used:
            continue
        for below, default in _DEFAULT_PORT.get((component.kind, component.type), ()):
            found = _endpoint(component, below, default)
            if found is not None:
                path, host, port = found
                yield path, component.id, host, port


def _endpoint(component: Component, below: Path, default: int) -> tuple[Path, str, int] | None:
    settings: Value = component.settings
    for key in below:
        if not isinstance(settings, Mapping) or key not in settings:
            return None
        settings = settings[str(key)]
    path = (*component.path, *below)
    written = settings.get("endpoint") if isinstance(settings, Mapping) else None
    if written is None:
        return (path, "localhost", default) if default else None
    match = _ENDPOINT.match(written) if isinstance(written, str) else None
    if match is None or match["port"] == "0":
        return None  # from the environment, a socket, or chosen by the system
    host = "localhost" if match["host"] == "127.0.0.1" else match["host"]
    return (*path, "endpoint"), host, int(match["port"])


def _self_telemetry(subject: Subject) -> tuple[Path, str, str, int] | None:
    metrics = subject.configuration.telemetry.get("metrics")
    path: Path = ("service", "telemetry", "metrics")
    if not isinstance(metrics, Mapping):
        return path[:1], "", "localhost", _SELF_TELEMETRY_PORT
    if metrics.get("level") == "none" or "readers" in metrics:
        return None
    address = metrics.get("address")
    if address is None:
        return path, "", "localhost", _SELF_TELEMETRY_PORT
    match = _ENDPOINT.match(address) if isinstance(address, str) else None
    if match is None:
        return None
    host = "localhost" if match["host"] == "127.0.0.1" else match["host"]
    return (*path, "address"), "", host, int(match["port"])


def _secrets_in(value: Value, path: Path, key: str) -> Iterator[tuple[Path, str, str]]:
    match value:
        case Mapping():
            for name, member in value.items():
                yield from _secrets_in(member, (*path, name), name)
        case tuple():
            for index, member in enumerate(value):
                yield from _secrets_in(member, (*path, index), key)
        case str() if is_surely_secret(key):
            secret = value.removeprefix("Bearer ").removeprefix("Basic ").strip()
            if len(secret) > 1 and not _PLACEHOLDER.search(secret):
                yield path, key, secret
        case str():
            url = _URL_PASSWORD.match(value)
            if url is not None and not _PLACEHOLDER.search(url["password"]):
                yield path, key, url["password"]
        case _:
            return
