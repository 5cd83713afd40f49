"""Exporters, extensions, connectors and the collector's own telemetry: what a change of a setting means."""

from collections.abc import Mapping
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.semantics.facts import Area, Reading

_DESTINATION: Final = (Area.DELIVERY, "The data goes to another place.")
_QUEUE: Final = (
    Area.DELIVERY,
    "What is kept, and for how long, while the destination is slow or away.",
)
_ACCESS: Final = (Area.DELIVERY, "How the destination is reached and who it takes the sender for.")  # fmt: skip
_EXPORTING: Final[Mapping[str, tuple[Area, str]]] = {
    **dict.fromkeys(
        ("endpoint", "endpoints", "metrics_endpoint", "logs_endpoint", "traces_endpoint", "path",
         "url", "host", "port", "brokers", "topic", "bucket", "namespace", "proxy_url", "protocol"),
        _DESTINATION,
    ),
    **dict.fromkeys(("sending_queue", "retry_on_failure", "timeout", "wal", "rotation", "flush_interval"), _QUEUE),
    **dict.fromkeys(("headers", "auth", "tls", "api", "api_key", "token"), _ACCESS),
    "compression": (Area.DELIVERY, "Other bytes on the wire; the data is the same."),
    "compression_params": (Area.DELIVERY, "Other bytes on the wire; the data is the same."),
    "encoding": (Area.DELIVERY, "Other bytes on the wire; the data is the same."),
    "format": (Area.DELIVERY, "Other bytes in the file; the data is the same."),
    "verbosity": (Area.OPERATION, "How much is written to the collector's log."),
    "resource_to_telemetry_conversion": (Area.IDENTITY, "Whether resource attributes become labels, which decides how many series there are."),
    "metric_expiration": (Area.TIMING, "For how long a series without points is shown."),
    "add_metric_suffixes": (Area.METRICS, "Metrics get names with or without unit and type."),
    "const_labels": (Area.ATTRIBUTES, "Labels that every series gets."),
    "external_labels": (Area.ATTRIBUTES, "Labels that every series gets."),
    "send_timestamps": (Area.TIMING, "Whether points carry their own time."),
}  # fmt: skip


def read_exporter(component: Component) -> Reading:
    return Reading(rest=component.settings, effects=_EXPORTING)


def read_otlp(component: Component) -> Reading:
    return Reading(
        rest=component.settings,
        effects={"protocols": (Area.DELIVERY, "Where and how senders reach the collector.")},
    )


def read_nothing_known(component: Component) -> Reading:
    """A component that no reader knows: every setting is compared, no effect is claimed."""
    if component.kind is Kind.EXTENSION:
        return Reading(
            rest=component.settings,
            otherwise=(Area.OPERATION, "How the collector runs; no extension changes the data."),
        )
    return Reading(rest=component.settings)
