import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline_builders import MINIMAL, a_configuration

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.documents import Value, thawed
from phoenix_platform.pipelines.emission import write_document

CONNECTED = """\
receivers: {host_metrics: {scrapers: {process: {}}}, otlp: {protocols: {http: }}}
processors: {batch: , filter/a: {}}
exporters: {otlphttp/x: {}}
connectors: {forward: , forward/2: }
extensions: {health_check: , zpages: }
service:
  extensions: [health_check]
  telemetry: {logs: {level: debug}}
  pipelines:
    metrics: {receivers: [host_metrics], exporters: [forward]}
    metrics/out: {receivers: [forward, otlp], processors: [filter/a, batch], exporters: [otlphttp/x, forward/2]}
    metrics/last: {receivers: [forward/2], exporters: [otlphttp/x]}
"""


def test_a_configuration_is_read_whole() -> None:
    configuration = a_configuration(CONNECTED)
    pipeline = configuration.pipelines["metrics/out"]
    assert (pipeline.signal, pipeline.receivers) == ("metrics", ("forward", "otlp"))
    assert pipeline.processors == ("filter/a", "batch")
    assert pipeline.exporters == ("otlphttp/x", "forward/2")
    assert configuration.extensions == ("health_check",)
    assert thawed(configuration.telemetry) == {"logs": {"level": "debug"}}
    exporter = configuration.components[Kind.EXPORTER]["otlphttp/x"]
    assert (exporter.type, exporter.path) == ("otlp_http", ("exporters", "otlphttp/x"))
    assert configuration.name == "a.yaml"
    assert configuration.place("service", "pipelines", "metrics/last") == "a.yaml:12:5"


def test_connectors_join_pipelines() -> None:
    configuration = a_configuration(CONNECTED)
    first, second, third = configuration.pipelines.values()
    assert list(configuration.fed_by(first)) == [second]
    assert list(configuration.fed_by(second)) == [third]
    assert list(configuration.fed_by(third)) == []


def test_spaces_around_the_parts_of_an_id_are_dropped() -> None:
    text = MINIMAL.replace("  otlp_http:\n", '  "otlp_http / x":\n').replace(
        "[otlp_http]", '["otlp_http/ x"]'
    )
    configuration = a_configuration(text)
    assert configuration.pipelines["metrics"].exporters == ("otlp_http/x",)
    assert configuration.components[Kind.EXPORTER]["otlp_http/x"].path == (
        "exporters",
        "otlp_http / x",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(MINIMAL, "[1]", r":1:1: not a configuration", id="no-mapping"),
        pytest.param("exporters:\n", "exportres:\n", r":6:1: unknown top-level key 'exportres'", id="unknown-section"),
        pytest.param("  otlp_http:\n", "  9:\n", r":7:3: a key that is not text", id="number-as-id"),
        pytest.param("  otlp_http:\n", "  -x:\n", r":7:3: not a component id: '-x'", id="malformed-id"),
        pytest.param(
            "  otlp_http:\n", "  'a /b':\n  a/b:\n  otlp_http:\n", r":8:3: duplicate key 'a/b'", id="duplicate-id"
        ),
        pytest.param(
            "    endpoint: http://vendor.example\n", "    [1]\n", r"expected a mapping, not a list", id="list-as-settings"
        ),
        pytest.param("exporters: [otlp_http]", "exporters: [nop]", r":13:19: the exporter 'nop' is not defined", id="undefined"),
        pytest.param("[host_metrics]", "[host_metrics, host_metrics]", r"named twice", id="twice"),
        pytest.param("[host_metrics]", "host_metrics", r":12:7: .*expected a list, not 'host_metrics'", id="text-as-list"),
        pytest.param("[host_metrics]", "{a: 1}", r"expected a list, not a mapping", id="mapping-as-list"),
        pytest.param("[host_metrics]", "[1]", r":12:19: expected a component id, not 1", id="number-in-list"),
        pytest.param("[host_metrics]", "[]", r":11:5: pipeline 'metrics' has no receivers", id="no-receivers"),
        pytest.param("      exporters: [otlp_http]\n", "", r"pipeline 'metrics' has no exporters", id="no-exporters"),
        pytest.param("    metrics:\n", "    metric:\n", r":11:5: pipeline 'metric': unknown signal", id="unknown-signal"),
        pytest.param("service:\n", "service:\n  extensions: [zpages]\n", r":10:16: the extension 'zpages' is not", id="extension"),
    ],
)  # fmt: skip
def test_faults_are_named_with_their_place(old: str, new: str, message: str) -> None:
    with pytest.raises(
        InvalidInputError, match=rf"^a\.yaml{message}" if message.startswith(":") else message
    ):
        a_configuration(MINIMAL.replace(old, new))


def test_a_configuration_without_pipelines_is_refused() -> None:
    with pytest.raises(
        InvalidInputError, match=r"^a\.yaml:2:1: service\.pipelines: there is no pipeline"
    ):
        a_configuration("receivers:\nservice:\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("[forward, otlp]", "[otlp]", r":4:14: the connector 'forward' is used as exporter only", id="no-receiver"),
        pytest.param("exporters: [forward]", "exporters: [otlphttp/x]", r"'forward' is used as receiver only", id="no-exporter"),
        pytest.param("exporters: {", "exporters: {forward: , ", r"'forward' is a connector and a exporter", id="shared-id"),
        pytest.param("receivers: [host_metrics]", "receivers: [host_metrics, forward/2]",
                     r"cycle: metrics -> metrics/out -> metrics", id="cycle"),
        pytest.param("processors: [filter/a", "processors: [forward", r"the processor 'forward' is not defined", id="processor"),
    ],
)  # fmt: skip
def test_faults_of_connectors_are_named(old: str, new: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        a_configuration(CONNECTED.replace(old, new))


def test_pipelines_that_join_again_are_no_cycle() -> None:
    text = CONNECTED.replace(
        "receivers: [host_metrics], exporters: [forward]",
        "receivers: [host_metrics], exporters: [forward, forward/2]",
    )
    assert len(a_configuration(text).pipelines) == 3


def test_an_unused_connector_is_no_fault() -> None:
    assert a_configuration("connectors: {forward/unused: }\n" + MINIMAL).components[Kind.CONNECTOR]


def test_the_hash_is_that_of_the_content() -> None:
    spelled_otherwise = "# a comment\n" + MINIMAL.replace("[otlp_http]", "\n        - 'otlp_http'")
    assert a_configuration(spelled_otherwise, name="b").hash == a_configuration().hash
    assert a_configuration(MINIMAL.replace("60s", "61s")).hash != a_configuration().hash


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_hash_does_not_depend_on_the_order_of_keys(generator: random.Random) -> None:
    def shuffled(value: Value) -> Value:
        if not isinstance(value, Mapping):
            return value
        keys = list(value)
        generator.shuffle(keys)
        return {key: shuffled(value[key]) for key in keys}

    original = a_configuration(CONNECTED)
    root = shuffled(original.root)
    assert a_configuration(write_document(root)).hash == original.hash


def test_numbers_that_json_lacks_are_hashed_too() -> None:
    texts = ["12345678901234567890", "12345678901234567891", ".inf", "-.inf", "'.inf'"]
    hashes = {
        a_configuration(MINIMAL.replace("http://vendor.example", text)).hash for text in texts
    }
    assert len(hashes) == len(texts)
