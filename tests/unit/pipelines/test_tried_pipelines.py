from datetime import timedelta
from operator import add

import pytest
from tests.pipeline_builders import a_configuration

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.configurations import Pipeline
from phoenix_platform.pipelines.tried_pipelines import TriedPipelines, tried_pipelines

PARTS = """\
receivers: {hostmetrics/a: , host_metrics/b: , otlp: , filelog: }
processors: {batch: , interval: }
exporters: {otlp_http: , prometheus: }
connectors: {forward: , forward/2: , count: , spanmetrics: }
service:
  pipelines:
"""


def tried(*pipelines: str) -> TriedPipelines:
    lines = "".join(f"    {pipeline}\n" for pipeline in pipelines)
    return tried_pipelines(a_configuration(PARTS + lines))


PLAIN = "metrics: {receivers: [hostmetrics/a], exporters: [otlp_http]}"
LOGS = "logs: {receivers: [filelog], exporters: [otlp_http]}"


def test_metrics_pipelines_fed_by_host_metrics_under_either_name_are_tried() -> None:
    found = tried(PLAIN, "metrics/b: {receivers: [host_metrics/b], exporters: [prometheus]}")
    assert list(found.pipelines) == ["metrics", "metrics/b"]
    assert [receiver.id for receiver in found.receivers] == ["hostmetrics/a", "host_metrics/b"]
    assert found.exporters == ("otlp_http", "prometheus")
    assert found.not_measured == ()


def test_other_signals_and_other_sources_are_left_out_by_name() -> None:
    found = tried(PLAIN, LOGS, "metrics/otlp: {receivers: [otlp], exporters: [prometheus]}")
    assert list(found.pipelines) == ["metrics"]
    assert found.exporters == ("otlp_http",)
    assert found.not_measured == (
        "pipeline logs (a.yaml:8:5): another signal",
        "pipeline metrics/otlp (a.yaml:9:5): not fed by host_metrics",
    )


def test_other_receivers_of_a_tried_pipeline_are_left_out_by_name() -> None:
    found = tried("metrics: {receivers: [otlp, hostmetrics/a], exporters: [otlp_http]}")
    assert found.pipelines["metrics"].receivers == ("hostmetrics/a",)
    assert found.not_measured == (
        "receiver otlp of pipeline metrics (a.yaml:7:5): another receiver than host_metrics",
    )


def test_pipelines_behind_a_connector_are_tried_too() -> None:
    found = tried(
        "metrics/out: {receivers: [forward, otlp], exporters: [otlp_http]}",
        "metrics/in: {receivers: [hostmetrics/a], exporters: [forward]}",
    )
    assert list(found.pipelines) == ["metrics/out", "metrics/in"]
    assert found.pipelines["metrics/out"].receivers == ("forward",)
    assert [pipeline.id for pipeline in found.leading_to("otlp_http")] == [
        "metrics/out",
        "metrics/in",
    ]


def test_a_connector_into_another_signal_is_left_out_by_name() -> None:
    found = tried(
        "metrics: {receivers: [hostmetrics/a], exporters: [count, otlp_http]}",
        "logs: {receivers: [count], exporters: [otlp_http]}",
    )
    assert found.pipelines["metrics"].exporters == ("otlp_http",)
    assert found.not_measured == (
        "connector count of pipeline metrics (a.yaml:7:5): it leads to what is not measured",
        "pipeline logs (a.yaml:8:5): another signal",
    )


def test_a_connector_from_another_signal_is_left_out_by_name() -> None:
    found = tried(
        "metrics: {receivers: [hostmetrics/a, spanmetrics], exporters: [otlp_http]}",
        "traces: {receivers: [otlp], exporters: [spanmetrics]}",
    )
    assert found.pipelines["metrics"].receivers == ("hostmetrics/a",)
    assert found.not_measured[0].startswith("receiver spanmetrics of pipeline metrics")


def test_a_chain_that_ends_in_another_signal_is_left_out_whole() -> None:
    found = tried(
        PLAIN,
        "metrics/first: {receivers: [hostmetrics/a], exporters: [forward]}",
        "metrics/second: {receivers: [forward], exporters: [count]}",
        "logs: {receivers: [count], exporters: [otlp_http]}",
    )
    assert list(found.pipelines) == ["metrics"]


def test_a_chain_through_another_signal_does_not_come_back() -> None:
    found = tried(
        "metrics: {receivers: [hostmetrics/a], exporters: [count, otlp_http]}",
        "logs: {receivers: [count], exporters: [forward]}",
        "metrics/back: {receivers: [forward], exporters: [prometheus]}",
    )
    assert list(found.pipelines) == ["metrics"]


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param(LOGS, id="no-metrics"),
        pytest.param(
            "logs: {receivers: [hostmetrics/a], exporters: [otlp_http]}", id="as-logs-only"
        ),
        pytest.param("metrics: {receivers: [otlp], exporters: [otlp_http]}", id="another-receiver"),
    ],
)
def test_a_configuration_with_nothing_to_try_is_refused(pipeline: str) -> None:
    with pytest.raises(
        InvalidInputError, match=r"^a\.yaml:6:3: no metrics pipeline is fed by host_metrics"
    ):
        tried(pipeline)


def test_the_longest_path_to_an_exporter_counts() -> None:
    found = tried(
        "metrics/a: {receivers: [hostmetrics/a], processors: [batch], exporters: [forward]}",
        "metrics/b: {receivers: [hostmetrics/a], exporters: [forward]}",
        "metrics/out: {receivers: [forward], processors: [batch], exporters: [otlp_http]}",
        "metrics/else: {receivers: [forward], exporters: [prometheus]}",
    )

    def seconds_of(pipeline: Pipeline) -> timedelta:
        return timedelta(seconds=len(pipeline.processors))

    assert found.longest_to("otlp_http", seconds_of, add) == timedelta(seconds=2)
    assert found.longest_to("otlp_http", seconds_of, max) == timedelta(seconds=1)
    assert found.longest_to("prometheus", seconds_of, add) == timedelta(seconds=1)


def test_only_pipelines_before_an_exporter_lead_to_it() -> None:
    found = tried(
        "metrics/a: {receivers: [hostmetrics/a], exporters: [forward, forward/2]}",
        "metrics/b: {receivers: [forward], exporters: [otlp_http]}",
        "metrics/c: {receivers: [forward/2], exporters: [prometheus]}",
    )
    assert [pipeline.id for pipeline in found.leading_to("otlp_http")] == ["metrics/a", "metrics/b"]
