import pytest
from tests.unit.pipelines.lint.linted import findings, places, rules, with_processors

from phoenix_platform.pipelines.catalog import entries

DELETE = "{attributes: [{key: process.pid, action: delete}]}"
SUM = """{metric_statements: [{context: metric, statements: ['aggregate_on_attributes("sum", ["a"])']}]}"""
LABELS = "{transforms: [{include: a, action: update, operations: [{action: aggregate_labels, aggregation_type: sum}]}]}"


def statements(*texts: str, context: str = "resource") -> str:
    quoted = ", ".join(f"'{text}'" for text in texts)
    return f"{{metric_statements: [{{context: {context}, statements: [{quoted}]}}]}}"


@pytest.mark.parametrize(
    "deleting",
    [
        {"resource": DELETE},
        {"transform": statements('delete_key(attributes, "process.pid")')},
        {
            "transform": statements(
                'delete_key(resource.attributes, "process.pid")', context="metric"
            )
        },
        {"transform": statements('keep_keys(attributes, ["host.name"])')},
    ],
)
def test_a_deleted_pid_without_aggregation_is_a_lost_identity(deleting: dict[str, str]) -> None:
    assert rules(with_processors(**deleting)) == ["identity-lost"]


@pytest.mark.parametrize(
    "kept",
    [
        {"resource": "{attributes: [{key: other, action: delete}, {key: process.pid, action: hash}, 1, {action: delete}]}"},
        {"resource": "{attributes: 1}"},
        {"transform": statements('keep_keys(attributes, ["process.pid", "host.name"])')},
        {"transform": statements('keep_keys(attributes, ["a"])', context="datapoint")},
        {"transform": statements('delete_key(attributes, "process.pid")', context="datapoint")},
        {"transform": statements('delete_key(attributes, "process.pid") where true')},
        {"transform": "{metric_statements: 1}"},
        {"transform": "{metric_statements: [{context: resource, statements: [1]}]}"},
        {"resource": DELETE, "cumulative_to_delta": "{}", "groupbyattrs": "{}", "transform": SUM},
        {"resource": DELETE, "interval": "{}"},
        {"resource": DELETE, "metrics_transform": LABELS},
        {"resource": DELETE, "metrics_transform": "{transforms: [{include: a, action: combine}]}"},
    ],
)  # fmt: skip
def test_an_identity_that_is_kept_or_aggregated_is_not_lost(kept: dict[str, str]) -> None:
    assert "identity-lost" not in rules(with_processors(**kept))


def test_a_metrics_transform_that_only_renames_saves_nothing() -> None:
    text = with_processors(
        resource=DELETE, metrics_transform="{transforms: [{include: a, action: update}]}"
    )
    assert rules(text) == ["identity-lost"]


def test_identity_is_a_matter_of_processes_and_of_what_is_followed() -> None:
    text = with_processors(resource=DELETE)
    assert rules(text.replace("process:", "cpu:")) == []
    assert rules(text.replace("{process: }", "1")) == []
    behind = text.replace("exporters:\n", "connectors: {forward: }\nexporters:\n", 1)
    behind = behind.replace("[otlp_http]", "[forward]")
    assert "identity-lost" not in rules(behind)
    logs = text.replace("    metrics:", "    logs:")
    assert rules(logs) == []


@pytest.mark.parametrize("summing", [{"transform": SUM}, {"metrics_transform": LABELS}])
def test_sums_over_processes_need_deltas(summing: dict[str, str]) -> None:
    assert rules(with_processors(groupbyattrs="{}", **summing)) == ["sum-of-cumulative"]
    assert rules(with_processors(cumulative_to_delta="{}", groupbyattrs="{}", **summing)) == []
    assert rules(with_processors(**summing)) == []
    cpu = with_processors(groupbyattrs="{}", **summing).replace("process:", "cpu:")
    assert rules(cpu) == []


def test_other_aggregations_of_cumulative_values_are_not_sums() -> None:
    assert rules(with_processors(groupbyattrs="{}", transform=SUM.replace("sum", "max"))) == []


def test_attributes_that_are_gone_cannot_be_read() -> None:
    gone = "{attributes: [{key: a, action: delete}]}"
    text = with_processors(
        resource=gone,
        filter="""{metrics: {datapoint: ['resource.attributes["a"] == "x"', 'attributes["a"] == "x"', 'resource.attributes["a"] == nil']}}""",
        groupbyattrs="{keys: [a, b, 1]}",
    )
    assert [component for *_, component in places(text, "attribute-already-deleted")] == [
        "filter", "groupbyattrs",
    ]  # fmt: skip
    (found, _) = findings(text)
    assert (
        found.message
        == "the resource attribute 'a' is already deleted by 'resource' when this runs"
    )


@pytest.mark.parametrize(
    "again",
    [
        {"resource__again": "{attributes: [{key: a, action: upsert, value: 1}]}"},
        {"transform__again": statements('set(attributes["a"], 1)')},
    ],
)
def test_attributes_that_are_set_again_can_be_read(again: dict[str, str]) -> None:
    gone = "{attributes: [{key: a, action: delete}]}"
    assert rules(with_processors(resource=gone, **again, groupbyattrs="{keys: [a]}")) == []


def test_a_flat_list_runs_in_one_context() -> None:
    text = with_processors(
        transform="""{metric_statements: ['set(datapoint.attributes["n"], resource.attributes["n"])', 'delete_key(resource.attributes, "n")']}"""
    )
    (found,) = findings(text)
    assert found.rule == "deleted-after-first-point"
    assert "a flat list runs in one context" in found.message


@pytest.mark.parametrize(
    ("texts", "context", "expected"),
    [
        (['set(attributes["n"], resource.attributes["n"])', 'keep_keys(resource.attributes, ["a"])'], "datapoint", 1),
        (['set(attributes["n"], resource.attributes["n"])', 'keep_keys(resource.attributes, ["n"])'], "datapoint", 0),
        (['set(attributes["n"], resource.attributes["n"])', 'delete_key(attributes, "n")'], "datapoint", 0),
        (['set(resource.attributes["n"], "x")', 'delete_key(resource.attributes, "n")'], "datapoint", 0),
        (['set(attributes["n"], resource.attributes["n"])', 'delete_key(attributes, "n")'], "resource", 0),
    ],
)  # fmt: skip
def test_a_group_per_point_must_not_delete_what_it_reads(
    texts: list[str], context: str, expected: int
) -> None:
    found = rules(with_processors(transform=statements(*texts, context=context)))
    assert found.count("deleted-after-first-point") == expected


def test_the_catalog_has_neither_errors_nor_warnings() -> None:
    for entry in entries():
        assert {one.severity.value for one in findings(entry.text)} <= {"note"}
