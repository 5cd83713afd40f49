import pytest

from phoenix_platform.agent.telemetry import CollectorCounters, counters_of

WITH_SUFFIXES = """
# TYPE otelcol_receiver_refused_metric_points_total counter
otelcol_receiver_refused_metric_points_total{receiver="otlp"} 3
# TYPE otelcol_exporter_send_failed_metric_points_total counter
otelcol_exporter_send_failed_metric_points_total{exporter="otlp_http"} 5
otelcol_exporter_send_failed_metric_points_total{exporter="otlp_http/other"} 2
# TYPE otelcol_exporter_enqueue_failed_metric_points_total counter
otelcol_exporter_enqueue_failed_metric_points_total{exporter="otlp_http"} 11
# TYPE otelcol_exporter_queue_size gauge
otelcol_exporter_queue_size{exporter="otlp_http"} 10
# TYPE otelcol_exporter_queue_capacity gauge
otelcol_exporter_queue_capacity{exporter="otlp_http"} 10
"""


@pytest.mark.parametrize(
    "text", [WITH_SUFFIXES, WITH_SUFFIXES.replace("_total", "")], ids=["with-total", "without"]
)
def test_losses_add_up_over_exporters(text: str) -> None:
    assert counters_of(text) == CollectorCounters(3, 18, queue_full=True)


def test_counters_that_are_not_there_yet_are_zero() -> None:
    assert counters_of("") == CollectorCounters(0, 0, queue_full=False)


def test_a_queue_with_room_is_not_full() -> None:
    text = WITH_SUFFIXES.replace(
        'queue_size{exporter="otlp_http"} 10', 'queue_size{exporter="otlp_http"} 9'
    )
    assert not counters_of(text).queue_full
