"""Exporters of a trial: each exporter of a user's configuration becomes an OTLP/HTTP stream to the meter.

Compression and the sending queue cost CPU and belong to the variant, so they stay; everything about the
destination goes. Called by `variants`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.environment import read_duration
from phoenix_platform.pipelines.own_folders import FILE_STORAGE
from phoenix_platform.pipelines.topologies import ExporterStream, TopologyRequest

RETRY: Final[Mapping[str, Value]] = {
    "enabled": True,
    "initial_interval": "100ms",
    "max_interval": "1s",
    "max_elapsed_time": "30s",
}
"""The meter is on this host: what it does not take within 30 s is lost, and counted as lost."""

DEFAULT_FLUSH: Final = timedelta(milliseconds=200)
"""`sending_queue.batch.flush_timeout` and `batch.timeout` where they are not written."""

_OTLP_TYPES: Final = frozenset({"otlp_http", "otlp_grpc"})
_COMPRESSIONS: Final = frozenset({"gzip", "zstd", "none"})
"""What the meter reads. OTLP requires gzip and none; zstd is common."""
_PROMETHEUS: Final = frozenset({"prometheus", "prometheus_remote_write"})
_NOT_IN_A_PATH: Final = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Stream:
    stream: ExporterStream
    settings: Mapping[str, Value]
    holds_for: timedelta
    notes: tuple[str, ...]


def plan_streams(
    configuration: Configuration,
    exporters: Sequence[str],
    *,
    variant: str,
    request: TopologyRequest,
) -> tuple[Stream, ...]:
    """Replace each exporter by a stream to the meter.

    Raises:
        InvalidInputError: If there are several and the request names none of them, or one has a flush
            timeout that is no duration.
    """
    judged = _judged(configuration, exporters, variant, request.exporter)
    taken: set[str] = set()
    return tuple(
        _stream(
            configuration.components[Kind.EXPORTER][id_],
            configuration,
            name=_free_name(id_, taken),
            variant=variant,
            is_judged=id_ == judged,
            request=request,
        )
        for id_ in exporters
    )


def _judged(
    configuration: Configuration, exporters: Sequence[str], variant: str, chosen: str | None
) -> str:
    if len(exporters) == 1:
        return exporters[0]
    if chosen is not None and chosen in exporters:
        return chosen
    place = configuration.place("service", "pipelines")
    named = (
        f"exporter: {chosen!r} is none of them"
        if chosen
        else "exporter: several, and each is a stream of its own"
    )
    raise InvalidInputError(
        f"{place}: {named}; choose the one that is judged with --exporter: {', '.join(exporters)} ({variant})"
    )


def _free_name(id_: str, taken: set[str]) -> str:
    """A name for the path and the component, unlike all others of the variant."""
    stem = name = _NOT_IN_A_PATH.sub("_", id_)
    number = 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    taken.add(name)
    return name


def _stream(
    exporter: Component,
    configuration: Configuration,
    *,
    name: str,
    variant: str,
    is_judged: bool,
    request: TopologyRequest,
) -> Stream:
    path = f"/{variant}/{name}/v1/metrics"
    component = f"{request.target.type_to_write(Kind.EXPORTER, 'otlp_http')}/phoenix_{name}"
    notes = _Notes(
        f"{variant} exporter {exporter.id} ({configuration.document.place(exporter.path)})"
    )
    queue, holds_for = _queue(exporter, configuration, request.environment, notes)
    settings: dict[str, Value] = {
        "metrics_endpoint": f"{request.meter_url.rstrip('/')}{path}",
        **_compression(exporter, notes),
        "sending_queue": queue,
        "retry_on_failure": RETRY,
    }
    if exporter.type in _PROMETHEUS:
        notes.add(
            "counted as OTLP series; Prometheus labels may be fewer (without resource_to_telemetry_conversion pid and name are none)"
        )
    elif exporter.type not in _OTLP_TYPES:
        notes.add(f"counted as the OTLP that reaches it, not as what {exporter.type} makes of it")
    return Stream(
        ExporterStream(id=exporter.id, component=component, path=path, is_judged=is_judged),
        settings,
        holds_for,
        tuple(notes.lines),
    )


class _Notes:
    def __init__(self, subject: str) -> None:
        self._subject = subject
        self.lines: list[str] = []

    def add(self, text: str) -> None:
        self.lines.append(f"{self._subject}: {text}")


def _compression(exporter: Component, notes: _Notes) -> dict[str, Value]:
    compression = exporter.settings.get("compression", "gzip") or "none"
    if not isinstance(compression, str) or compression not in _COMPRESSIONS:
        notes.add(f"compression {compression} replaced by gzip, which the meter reads")
        return {"compression": "gzip"}
    parameters = exporter.settings.get("compression_params")
    kept: dict[str, Value] = {"compression": compression}
    if parameters is not None and compression != "none":
        kept["compression_params"] = parameters
    return kept


def _queue(
    exporter: Component,
    configuration: Configuration,
    environment: Mapping[str, str],
    notes: _Notes,
) -> tuple[Mapping[str, Value], timedelta]:
    written = exporter.settings.get("sending_queue")
    queue = dict(written) if isinstance(written, Mapping) else {}
    if queue.get("enabled") is False:
        notes.add(
            "sending_queue was off; on in a trial, or one slow variant would hold up the other"
        )
    if queue.pop("wait_for_result", False) is True:
        notes.add("wait_for_result left out; it would make the pipeline wait for the meter")
    storage = queue.get("storage")
    extension = (
        configuration.components[Kind.EXTENSION].get(storage) if isinstance(storage, str) else None
    )
    if storage is not None and (extension is None or extension.type != FILE_STORAGE):
        del queue["storage"]
        notes.add(
            f"sending_queue.storage {storage} left out, the queue is in memory; only file_storage can get a place of its own"
        )
    # One consumer keeps the order of the scrapes, by which the meter pairs them.
    queue |= {"enabled": True, "num_consumers": 1}
    batch = queue.get("batch")
    if not isinstance(batch, Mapping):
        return queue, timedelta(0)
    place = configuration.document.place((*exporter.path, "sending_queue", "batch"))
    return queue, read_duration(
        batch.get("flush_timeout"),
        environment,
        default=DEFAULT_FLUSH,
        field=f"{place}: flush_timeout",
    )
