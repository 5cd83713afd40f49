"""What `/metrics` shows (Prometheus text): rate, errors and duration per operation, and gauges that others register.

Labels come from closed sets only (operations of the API, classes of status, states), never tenants, hosts or
paths, so that the whole stays below 5,000 series however large the fleet is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from phoenix_platform.core.errors import ConflictError

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
MAX_SERIES: Final = 5000
MAX_SERIES_OF_A_GAUGE: Final = 200
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_NO_STATUS: Final = "aborted"

ReadGauge: TypeAlias = Callable[[], Mapping[tuple[str, ...], float]]
"""Values by the values of the labels, read while Prometheus scrapes; must not block."""


@dataclass(frozen=True, slots=True)
class _Gauge:
    name: str
    help: str
    labels: Sequence[str]
    read: ReadGauge


class ServerMetrics:
    """One registry per application, so that two in one process do not mix."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each that counts, which nobody reads
        self.registry = CollectorRegistry()
        self._gauges = _Gauges()
        self.registry.register(self._gauges)
        self._requests = Counter(
            "phoenix_http_requests",
            "Requests that were answered, by operation and class of status; aborted: the client left first.",
            ("operation", "status"),
            registry=self.registry,
        )
        self._errors = Counter(
            "phoenix_http_errors",
            "Requests that failed through our fault (5xx), by operation.",
            ("operation",),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "phoenix_http_request_duration_seconds",
            "From the first byte of a request to the last of its answer, by operation.",
            ("operation",),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def observe_request(self, operation: str, status: int, seconds: float) -> None:
        """Count one request; status 0 means that nothing was answered."""
        of_class = f"{status // 100}xx" if status else _NO_STATUS
        self._requests.labels(operation, of_class).inc()
        self._seconds.labels(operation).observe(seconds)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._errors.labels(operation).inc()

    def add_gauge(
        self, name: str, help_text: str, read: ReadGauge, labels: Sequence[str] = ()
    ) -> None:
        """Show what `read` gives at each scrape, as `name` with these labels.

        Raises:
            ConflictError: If the name is taken.
        """
        self._gauges.add(_Gauge(name, help_text, tuple(labels), read))

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Gauges(Collector):
    def __init__(self) -> None:
        self._all: dict[str, _Gauge] = {}

    def add(self, gauge: _Gauge) -> None:
        if gauge.name in self._all:
            raise ConflictError(f"{gauge.name}: there is such a gauge already")
        self._all[gauge.name] = gauge

    def collect(self) -> Iterable[Metric]:
        for gauge in self._all.values():
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            # A label set that grew by mistake must not take Prometheus down with it.
            for values, value in list(gauge.read().items())[:MAX_SERIES_OF_A_GAUGE]:
                family.add_metric(values, value)
            yield family
