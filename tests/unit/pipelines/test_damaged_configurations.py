"""Whatever is wrong with a configuration, the answer is a message and never a bug."""

from contextlib import suppress
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline_builders import a_configuration, a_request

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Target
from phoenix_platform.pipelines.configurations import parse_configuration
from phoenix_platform.pipelines.documents import Path, read_document, thawed
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.findings import findings_in
from phoenix_platform.pipelines.rehearsals import plan_rehearsal
from phoenix_platform.pipelines.variants import plan_topology

WHOLE = """\
receivers:
  host_metrics:
    collection_interval: 60s
    root_path: /hostfs
    scrapers:
      process:
        include: {match_type: regexp, names: [a, b]}
        metrics: {process.threads: {enabled: true, attributes: [x]}}
        resource_attributes: {process.owner: {enabled: true, metrics_include: [{strict: root}]}}
  otlp: {protocols: {grpc: , http: {endpoint: "0.0.0.0:4318"}}}
processors: {batch: {timeout: 1s}, interval: {interval: 90s}}
connectors: {forward: {}}
exporters: {otlp_http: {compression: zstd, sending_queue: {storage: file_storage, batch: {flush_timeout: 1s}}}}
extensions: {file_storage: {directory: /var, compaction: {directory: /var}}}
service:
  extensions: [file_storage]
  telemetry: {metrics: {level: detailed}}
  pipelines:
    metrics: {receivers: [host_metrics, otlp], processors: [batch], exporters: [forward]}
    metrics/2: {receivers: [forward], processors: [interval], exporters: [otlp_http]}
"""
PATHS = sorted(read_document(WHOLE, name="x").marks, key=repr)
WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "${env:X}",
    "${file:/x}",
    "$",
    [],
    ["x"],
    [None],
    [{}],
    {},
    {"x": 1},
    {"": None},
]


def with_replaced(path: Path, value: Any) -> str:
    """The whole configuration with one value replaced."""
    root: Any = {"top": thawed(read_document(WHOLE, name="x").root)}
    *above, last = ("top", *path)
    holder = root
    for key in above:
        holder = holder[key]
    holder[last] = value
    return write_document(root["top"])


def use(text: str) -> None:
    """Everything that is done with a configuration."""
    configuration = parse_configuration(text, name="damaged.yaml")
    assert configuration.hash
    findings_in(configuration)
    plan_rehearsal(configuration, next_port=count(1).__next__, folder="/x", target=Target())
    request = a_request(ignore=frozenset({"root_path", "attributes"}))
    plan_topology(a_configuration(), configuration, request)
    plan_topology(configuration, a_configuration(WHOLE), request)


def test_the_whole_one_is_sound() -> None:
    plan_topology(a_configuration(WHOLE), a_configuration(WHOLE), a_request())


@settings(deadline=None)
@given(st.sampled_from(PATHS), st.sampled_from(WRONG))
def test_a_wrong_value_anywhere_is_refused_or_harmless(path: Path, value: Any) -> None:
    with suppress(InvalidInputError):
        use(with_replaced(path, value))


@settings(deadline=None)
@given(st.data())
def test_a_damaged_text_is_refused_or_harmless(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(WHOLE)))
    end = data.draw(st.integers(start, min(len(WHOLE), start + 30)))
    filling = data.draw(st.text("{}[]:,-&*!|>'\"%@` \n\tax0~<", max_size=5))
    with suppress(InvalidInputError):
        use(WHOLE[:start] + filling + WHOLE[end:])
