"""Each planted change is named, with its area; and what is no change is not."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline_builders import a_configuration

from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.diffs import Change, semantic_diff
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.semantics.facts import Area

RICH = """\
receivers:
  host_metrics:
    collection_interval: 60s
    root_path: /hostfs
    scrapers:
      cpu:
      process:
        include: {match_type: strict, names: [nginx, redis]}
        scrape_process_delay: 0s
        mute_process_all_errors: true
        metrics:
          process.threads: {enabled: true}
          process.cpu.time: {attributes: [state], aggregation_strategy: sum}
        resource_attributes:
          process.owner: {enabled: false}
          process.command: {metrics_include: [{strict: nginx}]}
  otlp:
    protocols: {http: {endpoint: "127.0.0.1:4318"}}
  mystery: {depth: 1}
processors:
  memory_limiter: {limit_mib: 400}
  filter/keep:
    error_mode: ignore
    metrics:
      metric:
        - not IsMatch(resource.attributes["process.executable.name"], "^(nginx|redis)$$")
      datapoint:
        - value_int > 5
  filter/drop:
    metrics:
      metric: [name == "process.threads", name == "process.disk.io"]
  filter/old:
    metrics:
      exclude: {match_type: strict, metric_names: [system.load]}
      include: {match_type: strict, resource_attributes: [{key: team, value: red}]}
  cumulative_to_delta: {include: {metrics: [process.cpu.time], match_type: strict}, initial_value: drop}
  transform:
    metric_statements:
      - context: resource
        statements:
          - set(attributes["team"], "red")
          - set(attributes["zone"], "a")
          - keep_keys(attributes, ["host.name", "team"])
          - delete_key(attributes, "tmp")
          - odd_function(attributes)
      - context: datapoint
        statements: ['set(time, TruncateTime(time, Duration("1s")))']
      - context: metric
        statements: ['aggregate_on_attributes("sum", ["state"])', 'scale_metric(2.0)']
  resource: {attributes: [{key: env, value: prod, action: upsert}, {key: api_key, value: hush-hush, action: insert}]}
  attributes: {actions: [{key: pid, action: delete}]}
  groupbyattrs: {keys: [host.name]}
  metrics_transform:
    transforms:
      - {include: process.cpu.time, action: update, operations: [{action: aggregate_labels, label_set: [state], aggregation_type: sum}]}
  delta_to_rate: {metrics: [process.cpu.time]}
  interval: {interval: 30s}
  resource_detection: {detectors: [env]}
  batch: {timeout: 1s}
  riddle: {answer: 42}
exporters:
  otlp_http:
    endpoint: http://vendor.example
    compression: gzip
    headers: {x-key: hush-hush-header}
    sending_queue: {queue_size: 100}
  file/spare: {path: /var/x}
extensions:
  health_check: {endpoint: "127.0.0.1:13133"}
  zpages: {}
connectors:
  forward: {}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: normal}}
  pipelines:
    metrics:
      receivers: [host_metrics, otlp, mystery]
      processors: [memory_limiter, filter/keep, filter/drop, filter/old, cumulative_to_delta, transform, resource, attributes, groupbyattrs,
                   metrics_transform, delta_to_rate, interval, resource_detection, riddle, batch]
      exporters: [otlp_http, forward]
    metrics/second:
      receivers: [forward]
      exporters: [otlp_http]
"""

PLANTED = [
    ("interval", "interval: 60s", "interval: 15s", Area.TIMING, "collection_interval"),
    ("scraper", "      cpu:\n", "", Area.METRICS, "metric system.cpu.time"),
    ("metric", "process.threads: {enabled: true}", "process.threads: {enabled: false}", Area.METRICS, "metric process.threads"),
    ("aggregation", "aggregation_strategy: sum", "aggregation_strategy: max", Area.VALUES, "metric process.cpu.time: aggregation_strategy"),
    ("metric-attributes", "attributes: [state]", "attributes: []", Area.IDENTITY, "metric process.cpu.time: attributes"),
    ("resource-attribute", "process.owner: {enabled: false}", "process.owner: {enabled: true}", Area.ATTRIBUTES, "resource attribute process.owner"),
    ("metrics-include", "[{strict: nginx}]", "[{strict: redis}]", Area.PROCESSES, "resource attribute process.command: metrics_include"),
    ("include", "names: [nginx, redis]", "names: [nginx]", Area.PROCESSES, "scraper process: include"),
    ("delay", "scrape_process_delay: 0s", "scrape_process_delay: 5s", Area.PROCESSES, "scraper process: scrape_process_delay"),
    ("mute", "errors: true", "errors: false", Area.OPERATION, "scraper process: mute_process_all_errors"),
    ("root-path", "root_path: /hostfs", "root_path: /other", Area.PROCESSES, "root_path"),
    ("otlp-place", "127.0.0.1:4318", "0.0.0.0:4318", Area.DELIVERY, "protocols.http.endpoint"),
    ("unknown-receiver", "depth: 1", "depth: 2", Area.UNKNOWN, "depth"),
    ("memory", "limit_mib: 400", "limit_mib: 200", Area.OPERATION, "limit_mib"),
    ("kept-names", "^(nginx|redis)$$", "^(nginx|envoy)$$", Area.PROCESSES, "process.executable.name: kept only"),
    ("error-mode", "error_mode: ignore", "error_mode: propagate", Area.POINTS, "error_mode"),
    ("point-condition", "value_int > 5", "value_int > 6", Area.POINTS, "datapoint dropped where value_int > 6"),
    ("dropped-metrics", ', name == "process.disk.io"', "", Area.METRICS, "metric name: dropped"),
    ("old-exclude", "metric_names: [system.load]", "metric_names: [system.disk]", Area.METRICS, "metric name: dropped"),
    ("old-include", "value: red}", "value: blue}", Area.POINTS, "team: kept only"),
    ("delta-metrics", "include: {metrics: [process.cpu.time]", "include: {metrics: [process.disk.io]", Area.TEMPORALITY, "metrics included"),
    ("delta-start", "initial_value: drop", "initial_value: keep", Area.TEMPORALITY, "initial_value"),
    ("set", '"red")', '"blue")', Area.ATTRIBUTES, 'resource.attributes["team"] set'),
    ("kept-keys", '["host.name", "team"]', '["host.name"]', Area.ATTRIBUTES, "resource.attributes: keys kept"),
    ("deleted-key", '"tmp"', '"temp"', Area.ATTRIBUTES, "resource.attributes: keys deleted"),
    ("unknown-statement", "odd_function(attributes)", "odder_function(attributes)", Area.UNKNOWN, "resource: odder_function(attributes)"),
    ("time", 'Duration("1s")', 'Duration("2s")', Area.TIMING, "datapoint.time set"),
    ("aggregate", '("sum", ["state"])', '("max", ["state"])', Area.IDENTITY, "metric: aggregate_on_attributes"),
    ("scale", "scale_metric(2.0)", "scale_metric(3.0)", Area.VALUES, "metric: scale_metric"),
    ("statement-order", '          - set(attributes["team"], "red")\n          - set(attributes["zone"], "a")\n', '          - set(attributes["zone"], "a")\n          - set(attributes["team"], "red")\n', Area.VALUES, "order of statements"),
    ("resource-value", "value: prod", "value: test", Area.ATTRIBUTES, "resource attribute env"),
    ("attribute-action", "{key: pid, action: delete}", "{key: pid, action: hash}", Area.ATTRIBUTES, "attribute of points, spans and log records pid"),
    ("group", "keys: [host.name]", "keys: []", Area.IDENTITY, "resources grouped by"),
    ("metric-operation", "aggregation_type: sum}", "aggregation_type: max}", Area.IDENTITY, "metric process.cpu.time: aggregate_labels"),
    ("metric-action", "action: update, ", "action: insert, new_name: x, ", Area.METRICS, "metric process.cpu.time"),
    ("rate", "delta_to_rate: {metrics: [process.cpu.time]}", "delta_to_rate: {metrics: [process.disk.io]}", Area.TEMPORALITY, "delta sums"),
    ("interval-processor", "interval: {interval: 30s}", "interval: {interval: 90s}", Area.TIMING, "interval"),
    ("detectors", "detectors: [env]", "detectors: [env, system]", Area.ATTRIBUTES, "resource attributes detected by"),
    ("batch", "timeout: 1s", "timeout: 2s", Area.DELIVERY, "timeout"),
    ("unknown-processor", "answer: 42", "answer: 43", Area.UNKNOWN, "answer"),
    ("destination", "http://vendor.example", "http://other.example", Area.DELIVERY, "endpoint"),
    ("setting-goes", "    compression: gzip\n", "", Area.DELIVERY, "compression"),
    ("compression", "compression: gzip", "compression: zstd", Area.DELIVERY, "compression"),
    ("queue", "queue_size: 100", "queue_size: 9", Area.DELIVERY, "sending_queue.queue_size"),
    ("secret", "hush-hush-header", "hush-hush-other", Area.DELIVERY, "headers.x-key"),
    ("unused", "/var/x", "/var/y", Area.STRUCTURE, "path"),
    ("extension-setting", "127.0.0.1:13133", "127.0.0.1:13134", Area.OPERATION, "endpoint"),
    ("extension-starts", "extensions: [health_check]", "extensions: [health_check, zpages]", Area.STRUCTURE, "use"),
    ("telemetry", "level: normal", "level: detailed", Area.OPERATION, "metrics.level"),
    ("receiver-leaves", "receivers: [host_metrics, otlp, mystery]", "receivers: [host_metrics, mystery]", Area.STRUCTURE, "receivers"),
    ("exporter-comes", "exporters: [otlp_http, forward]", "exporters: [otlp_http, forward, file/spare]", Area.STRUCTURE, "exporters"),
    ("processor-moves", "[memory_limiter, filter/keep, filter/drop,", "[memory_limiter, filter/drop, filter/keep,", Area.STRUCTURE, "processors"),
    ("processor-leaves", "resource_detection, riddle,", "riddle,", Area.STRUCTURE, "processors"),
    ("pipeline-name", "metrics/second", "metrics/third", Area.STRUCTURE, "name"),
    ("pipeline-comes", "    metrics/second:\n", "    metrics/extra: {receivers: [otlp], exporters: [file/spare]}\n    metrics/second:\n", Area.STRUCTURE, "pipeline"),
    ("pipeline-goes", "    metrics/second:\n      receivers: [forward]\n      exporters: [otlp_http]\n", "    traces: {receivers: [forward], exporters: [otlp_http]}\n", Area.STRUCTURE, "pipeline"),
]  # fmt: skip


BASE = a_configuration(RICH, name="a")


def sides(found: tuple[Change, ...]) -> set[tuple[Area, str, str | None, str | None]]:
    """What differs, without names of pipelines and components, which are those of the later side."""
    return {(one.area, one.what, one.before, one.after) for one in found}


def changes(before: str, after: str) -> tuple[Change, ...]:
    earlier = BASE if before is RICH else a_configuration(before, name="a")
    return semantic_diff(earlier, a_configuration(after, name="b"))


@pytest.mark.parametrize(
    ("old", "new", "area", "what"), [pytest.param(*one[1:], id=one[0]) for one in PLANTED]
)
def test_a_planted_change_is_named_both_ways(old: str, new: str, area: Area, what: str) -> None:
    assert RICH.count(old) >= 1, "the change is planted"
    planted = a_configuration(RICH.replace(old, new), name="b")
    found, back = semantic_diff(BASE, planted), semantic_diff(planted, BASE)
    assert sides(found) == {
        (area, what, after, before) for area, what, before, after in sides(back)
    }
    assert (area, what) in {(one.area, one.what) for one in found}
    assert all(one.effect.endswith(".") for one in found)
    assert all(one.before != one.after or one.before == "***" for one in found)
    assert len(found) <= 6, "what was not planted is not named"


def test_no_secret_is_shown() -> None:
    after = RICH.replace("hush-hush-header", "hush-hush-other").replace(
        "value: hush-hush", "value: hush-again"
    )
    found = changes(RICH, after)
    assert {one.what for one in found} == {"headers.x-key", "resource attribute api_key"}
    assert "hush" not in repr(found)


def test_a_configuration_does_not_differ_from_itself() -> None:
    assert changes(RICH, RICH) == ()


def test_spelling_is_no_change() -> None:
    after = (
        RICH.replace("host_metrics", "hostmetrics")
        .replace("cumulative_to_delta", "cumulativetodelta")
        .replace("otlp_http", "otlphttp")
        .replace("metrics_transform", "metricstransform")
        .replace("interval: 60s", "interval: 1m")
        .replace("process.threads: {enabled: true}", "process.threads: {enabled: true}\n          process.disk.io: {enabled: true}")
        .replace("names: [nginx, redis]", "names: [redis, nginx]")
        .replace("^(nginx|redis)$$", "^(?:redis|nginx)$$")
    )  # fmt: skip
    assert changes(RICH, after) == ()


@settings(max_examples=15, deadline=None)  # reading a configuration in pure Python takes its time
@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_is_no_change(generator: random.Random) -> None:
    shuffled = write_document(_shuffled(BASE.root, generator))
    assert semantic_diff(BASE, a_configuration(shuffled, name="b")) == ()


def _shuffled(value: Value, generator: random.Random) -> Value:
    if isinstance(value, Mapping):
        keys = list(value)
        generator.shuffle(keys)
        return {key: _shuffled(value[key], generator) for key in keys}
    return tuple(_shuffled(one, generator) for one in value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", catalog.names())
def test_catalog_entries_differ_from_all_but_themselves(name: str) -> None:
    entry = catalog.get(name).configuration
    for other in catalog.entries():
        assert (semantic_diff(entry, other.configuration) == ()) is (other.name == name)


def test_a_renamed_component_is_one_component() -> None:
    found = changes(RICH, RICH.replace("filter/keep", "filter/names"))
    assert [(one.what, one.before, one.after) for one in found] == [
        ("name", "filter/keep", "filter/names")
    ]


def test_a_renamed_and_changed_component_is_one_if_it_is_the_only_one_of_its_type() -> None:
    after = RICH.replace("  transform:", "  transform/new:").replace(
        "cumulative_to_delta, transform,", "cumulative_to_delta, transform/new,"
    )
    found = changes(RICH, after.replace('"red")', '"blue")'))
    assert {one.what for one in found} == {"name", 'resource.attributes["team"] set'}
    assert any("Taken for one component" in one.effect for one in found)


def test_a_set_of_names_says_what_comes_and_what_goes() -> None:
    found = changes(RICH, RICH.replace("^(nginx|redis)$$", "^(nginx|envoy)$$"))
    assert "New: envoy." in found[0].effect
    assert "No more: redis." in found[0].effect


def test_a_longer_interval_says_how_many_points_are_left() -> None:
    found = changes(RICH, RICH.replace("interval: 60s", "interval: 4m"))
    assert "0.25 times as many points" in found[0].effect


def test_an_unknown_component_that_comes_is_not_passed_over() -> None:
    found = changes(RICH.replace("resource_detection, riddle,", "resource_detection,"), RICH)
    unknown = [one for one in found if one.area is Area.UNKNOWN]
    assert [one.component for one in unknown] == ["processor riddle"]
    assert "not known" in unknown[0].effect


def test_a_component_nobody_uses_has_no_effect() -> None:
    after = RICH.replace("exporters:\n  otlp_http:", "exporters:\n  debug: {}\n  otlp_http:")
    assert [one.effect for one in changes(RICH, after)] == [
        "No effect: nothing uses the component."
    ]


def test_old_and_new_name_side_by_side_stay_two_components() -> None:
    text = RICH.replace(
        "exporters:\n  otlp_http:", "exporters:\n  otlphttp: {endpoint: x}\n  otlp_http:"
    )
    assert changes(text, text) == ()
    assert [one.what for one in changes(text, text.replace("{endpoint: x}", "{endpoint: y}"))] == [
        "endpoint"
    ]


def test_references_to_the_environment_stay_as_they_are_written() -> None:
    after = RICH.replace("interval: 60s", "interval: ${env:EVERY}")
    found = changes(RICH, after)
    assert (found[0].before, found[0].after) == ("60s", "${env:EVERY}")
