import pytest
from tests.pipeline_builders import MINIMAL
from tests.unit.pipelines.lint.linted import findings, rules

from phoenix_platform.pipelines.findings import Severity


def test_a_plain_configuration_has_no_findings() -> None:
    assert findings(MINIMAL) == ()


def test_several_faults_are_said_at_once_with_their_places() -> None:
    text = """\
receivers:
  nop: {a: !x 1, 5: 2}
  nop: {}
  otlp: &o {<<: {}, <<: {}}
exporters: {nop: *missing}
extra: 1
service:
  extensions: [zpages]
  pipelines:
    metrics: {receivers: [nop, nop, gone], exporters: [nop]}
    music: {receivers: [nop], exporters: []}
"""
    found = [(one.line, one.column, one.rule) for one in findings(text)]
    assert found == [
        (2, 12, "unknown-tag"),
        (2, 18, "key-not-text"),
        (3, 3, "duplicate-key"),
        (4, 3, "unused-component"),
        (4, 21, "second-merge-key"),
        (5, 18, "unknown-anchor"),
        (6, 1, "unknown-section"),
        (8, 16, "undefined-component"),
        (10, 32, "named-twice"),
        (10, 37, "undefined-component"),
        (11, 5, "incomplete-pipeline"),
        (11, 5, "unknown-signal"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("receivers: [", [(1, 13, "not-yaml")]),
        ("", [(1, 1, "not-yaml")]),
        ("- 1", [(1, 1, "not-yaml")]),
        ("service: {<<: 1}", [(1, 1, "no-pipeline"), (1, 11, "merge-of-no-mapping")]),
        ("service: {pipelines: {metrics: 1}}\n---\na: 1", None),
        ("receivers: {7a: {}, 'nop ': {}, nop: {}}\nservice: {pipelines: {7b: {}}}", None),
        ("receivers: 1\nservice: {pipelines: {metrics: {receivers: 1, exporters: [1]}}}", None),
    ],
)
def test_no_text_is_too_broken(text: str, expected: list[tuple[int, int, str]] | None) -> None:
    found = [(one.line, one.column, one.rule) for one in findings(text)]
    assert found == expected if expected is not None else found


def test_a_fault_says_what_to_do() -> None:
    (finding,) = [one for one in findings(MINIMAL + "extra: 1\n") if one.rule == "unknown-section"]
    assert finding.message == "unknown top-level key 'extra'"
    assert finding.fix.startswith("there are connectors, exporters")
    assert finding.severity is Severity.ERROR


def test_connectors_are_held_to_both_their_sides() -> None:
    text = MINIMAL.replace("exporters:\n  otlp", "connectors: {forward: }\nexporters:\n  otlp")
    assert "half-connector" in rules(text.replace("[otlp_http]", "[otlp_http, forward]"))
    circle = text.replace("[otlp_http]", "[otlp_http, forward]").replace(
        "[host_metrics]", "[host_metrics, forward]"
    )
    assert "cycle" in rules(circle)
    shared = text.replace("{forward: }", "{otlp_http: }")
    assert "shared-id" in rules(shared)


def test_ids_from_the_environment_are_not_called_faults() -> None:
    one = MINIMAL.replace("[host_metrics]", "[host_metrics, '${env:MORE}']")
    assert set(rules(one)) == {"id-from-environment", "env-not-set"}
    all_ = MINIMAL.replace("[host_metrics]", "${env:MORE}")
    assert set(rules(all_)) == {"id-from-environment", "env-not-set"}
