from phoenix_platform.agent.flows import Flow, flow_of

EXPOSITION = """\
# HELP otelcol_receiver_accepted_metric_points Number of metric points
# TYPE otelcol_receiver_accepted_metric_points counter
otelcol_receiver_accepted_metric_points{receiver="host_metrics",transport=""} 1200
otelcol_receiver_accepted_log_records_total{receiver="otlp",transport="http"} 3
otelcol_receiver_refused_metric_points{receiver="host_metrics",transport=""} 7
otelcol_exporter_sent_metric_points{exporter="otlp_http"} 1.1e+03
otelcol_exporter_send_failed_metric_points{exporter="otlp_http"} 100
otelcol_exporter_queue_size{exporter="otlp_http"} 4
otelcol_process_uptime 12.5
"""


def test_items_of_every_signal_are_summed_with_and_without_a_suffix() -> None:
    assert flow_of(EXPOSITION) == Flow(accepted=1203, sent=1100, failed=100)


def test_a_counter_that_is_not_shown_yet_is_zero() -> None:
    assert flow_of("otelcol_process_uptime 1\n") == Flow(0, 0, 0)
