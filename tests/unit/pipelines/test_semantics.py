"""What the readers of single components say; whole configurations are compared in test_diffs."""

import pytest
from tests.pipeline_builders import MINIMAL, a_configuration

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.semantics.conditions import Choice, choice_of, names_of
from phoenix_platform.pipelines.semantics.facts import Area, Fact, shown
from phoenix_platform.pipelines.semantics.masking import masked
from phoenix_platform.pipelines.semantics.readings import read_component

NAME = 'resource.attributes["process.executable.name"]'


def chosen(subject: str, *members: str, keeps: bool = False) -> Choice:
    return Choice(subject, frozenset(members), keeps)


@pytest.mark.parametrize(
    ("condition", "choice"),
    [
        pytest.param('name == "a"', chosen("metric name", "a"), id="one"),
        pytest.param('metric.name == "a" or name == "b"', chosen("metric name", "a", "b"), id="either"),
        pytest.param('name != "a" and name != "b"', chosen("metric name", "a", "b", keeps=True), id="neither"),
        pytest.param('not (name == "a" or name == "b")', chosen("metric name", "a", "b", keeps=True), id="de-morgan"),
        pytest.param('not not name == "a"', chosen("metric name", "a"), id="twice-not"),
        pytest.param('(name == "a" or (name == "b" or name == "c"))', chosen("metric name", "a", "b", "c"), id="nested"),
        pytest.param(f'IsMatch({NAME}, "^(a|b.*)$$")', chosen("process.executable.name", "a", "/b.*/"), id="alternatives"),
        pytest.param('attributes["x"] == "a\\"b"', chosen("x", 'a"b'), id="escape"),
        pytest.param('name == "a" or attributes["x"] == "b"', None, id="two-subjects"),
        pytest.param('name == "a" and name == "b"', None, id="never"),
        pytest.param('name == "a" or name != "b"', None, id="mixed"),
        pytest.param('name == "a" or (name == "b" and name == "c")', None, id="or-of-and"),
        pytest.param("value_int > 5", None, id="number"),
        pytest.param('value == "a"', None, id="value"),
        pytest.param('name > "a"', None, id="other-sign"),
        pytest.param("name == 5", None, id="not-text"),
        pytest.param('name == "a" extra', None, id="more-behind"),
        pytest.param('(name == "a"', None, id="open"),
        pytest.param("name ==", None, id="cut-off"),
        pytest.param('IsMatch name, "a")', None, id="no-call"),
        pytest.param('name == "a', None, id="open-text"),
        pytest.param("", None, id="nothing"),
    ],
)  # fmt: skip
def test_a_condition_chooses_by_one_name_or_keeps_its_text(
    condition: str, choice: Choice | None
) -> None:
    assert choice_of(condition) == choice


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("^nginx$", {"nginx"}),
        ("^beam\\.smp$", {"beam.smp"}),
        ("^(?:a|b)$", {"a", "b"}),
        ("^(a|b)", {"/^(a|b)/"}),
        ("a|b", {"/a|b/"}),
        ("ngin", {"/ngin/"}),
        ("^php.*$", {"/php.*/"}),
    ],
)
def test_only_a_whole_name_is_a_name(pattern: str, names: set[str]) -> None:
    assert names_of(pattern) == names


def facts_of(settings: str, *, kind: Kind = Kind.PROCESSOR) -> dict[str, Fact]:
    """Facts of one component, given as `type: settings` in YAML."""
    text = f"{MINIMAL}{kind.section}: {{{settings}}}\n"
    if kind is Kind.RECEIVER:
        text = MINIMAL.replace("receivers:\n", f"receivers:\n  {settings}\n")
    components = a_configuration(text).components[kind]
    return {fact.what: fact for fact in read_component(next(iter(components.values()))).facts}


def test_conditions_of_every_form_are_read() -> None:
    facts = facts_of(
        "filter: {metric_conditions: ['name == \"a\"', {context: metric, conditions: ['name == \"b\"']}],"
        " spans: {exclude: {services: [x]}}, traces: {span: ['kind == 1']}, metrics: {odd: 1,"
        " include: {match_type: regexp, metric_names: ['^c$$', 'd'], expressions: [e]},"
        " exclude: {match_type: expr, metric_names: [f], resource_attributes: [{key: k, value: v}]}}}"
    )
    assert facts["metric name: dropped"].value == "a, b"
    assert facts["metric name: kept only"].value == "/d/, c"
    assert {"spans.exclude", "span dropped where kind == 1", "metrics.odd", "metrics.include.expressions",
            "metrics.exclude.metric_names", "k: dropped"} <= set(facts)  # fmt: skip


def test_of_two_lists_of_kept_names_both_are_facts() -> None:
    facts = facts_of("filter: {metrics: {metric: ['name != \"a\"', 'name != \"b\"']}}")
    assert [facts[what].value for what in ("metric name: kept only", "metric name: kept only (2)")] == ["a", "b"]  # fmt: skip


def test_statements_of_every_form_are_read() -> None:
    facts = facts_of(
        'transform: {metric_statements: [\'set(metric.name, "b") where metric.name == "a"\', not a statement,'
        " {context: metric, conditions: ['type == 1', 'type == 2'], statements: ['set(unit, \"x\")']},"
        " {statements: ['delete_key(resource.attributes, \"a\")', 'delete_key(resource.attributes, \"b\")']}]}"
    )
    assert facts['metric.name set where metric.name == "a"'].area is Area.METRICS
    assert facts["metric.unit set where (type == 1 or type == 2)"].area is Area.VALUES
    assert facts["inferred context: not a statement"].area is Area.UNKNOWN
    assert facts["resource.attributes: keys deleted"].value == "a, b"


def test_a_secret_that_a_statement_sets_is_masked_and_compared() -> None:
    first, second = (
        facts_of(f'transform: {{trace_statements: [\'set(attributes["api_key"], "{word}")\']}}')
        for word in ("hushone", "hushtwo")
    )
    assert [fact.value for fact in first.values()] == ["***"]
    assert "hush" not in repr(first)
    assert first != second


def test_scrapers_nobody_here_knows_are_named() -> None:
    facts = facts_of(
        "host_metrics/x: {collection_interval: soon, scrapers: {nfs: {devices: [a]}, disk: {include: {devices: [sda]}},"
        " process: {include: {match_type: regexp, names: [a.*]}, exclude: {match_type: strict, names: [b]},"
        ' metrics: {process.new: {}, process.uptime: {enabled: "${env:UP}"}}}}}',
        kind=Kind.RECEIVER,
    )
    assert facts["scraper nfs"].value == "on"
    assert facts["collection_interval"].value == "soon"
    assert facts["scraper process: include"].value == "/a.*/"
    assert facts["scraper process: exclude"].value == "b"
    assert facts["metric process.new"].value == "the release's default"
    assert facts["metric process.uptime"].value == "${env:UP}"
    assert facts["scraper disk: include"].area is Area.POINTS


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ("metricstransform: {transforms: [{include: a, action: odd, operations: [{action: odder}]}]}", "metric a: odder"),
        ("cumulativetodelta: {exclude: {match_type: regexp, metrics: [a], metric_types: [sum]}}", "metrics excluded"),
        ("attributes: {actions: [{pattern: a.*, action: delete}]}", "attribute of points, spans and log records a.*"),
        ("groupbyattrs: ", "resources grouped by"),
    ],
)  # fmt: skip
def test_rare_settings_are_facts_too(settings: str, what: str) -> None:
    assert what in facts_of(settings)


def test_what_is_shown_is_on_one_line_and_no_command_to_a_terminal() -> None:
    assert shown({"b": (1.5, None, True), "a": "x\n y"}) == "{a: x y, b: [1.5, null, true]}"
    assert shown("\x1b[31mred") == "\\x1b[31mred"
    assert shown("") == '""'


def test_masking_keeps_the_shape_and_what_is_no_secret() -> None:
    value: Value = {
        "headers": {"a": "hush", "b": "${env:B}", "c": None, "d": True, "e": ("x", 5)},
        "endpoint": "https://me:hush@host/path",
        "port": 5,
    }
    assert masked(value) == {
        "headers": {"a": "***", "b": "${env:B}", "c": None, "d": True, "e": ("***", "***")},
        "endpoint": "https://me:***@host/path",
        "port": 5,
    }


def reduced(settings: str) -> dict[str, Fact]:
    text = MINIMAL.replace("exporters:\n", f"processors:\n  reduce: {settings}\nexporters:\n", 1)
    component = a_configuration(text).components[Kind.PROCESSOR]["reduce"]
    return {fact.what: fact for fact in read_component(component).facts}


def test_reduce_reads_as_who_keeps_a_name_and_what_becomes_of_the_rest() -> None:
    facts = reduced(
        "{critical: [nginx], never_keep: [cron], top_k: {cpu: 5, margin: 2}, thresholds: {rss_bytes: 100},"
        " levels: [{name: busy, enter: {processes: 9}, top_k: {cpu: 1}}, {top_k: {cpu: 0}}],"
        " additive_metrics: [my.sum], output_temporality: delta, storage: file_storage}"
    )
    values = {what: fact.value for what, fact in facts.items()}
    assert values == {
        "critical": "nginx",
        "never_keep": "cron",
        "top_k cpu": "first 5 by CPU rate",
        "top_k rss": "off",
        "top_k io": "off",
        "threshold cpu_cores": "off",
        "threshold rss_bytes": "100 bytes",
        "threshold io_bytes_per_second": "off",
        "level 1": "busy: {enter: {processes: 9}, top_k: {cpu: 1}}",
        "level 2": "2: {top_k: {cpu: 0}}",
        "the rest": "one sum, _other",
        "further metrics summed": "my.sum",
        "top_k margin": "2",
        "output_temporality": "delta",
        "storage": "file_storage",
    }
    assert facts["top_k cpu"].number == 5
    assert facts["top_k rss"].number is None
    assert facts["storage"].gone == "The default holds."
    assert facts["top_k margin"].gone == "The default holds: 5."


@pytest.mark.parametrize(
    ("settings", "rest"),
    [
        ("{group_by: [process.owner, a]}", "by a, process.owner"),
        ("{categories: [{name: web, match: [nginx]}]}", "[{match: [nginx], name: web}]"),
    ],
)
def test_reduce_reads_by_what_the_rest_is_summed(settings: str, rest: str) -> None:
    assert reduced(settings)["the rest"].value == rest


def test_a_default_of_reduce_that_is_written_out_is_no_change() -> None:
    written = "{top_k: {cpu: 5, rss: 0, margin: 5, leave_after: 3}, host_totals: false, forget_after: 5, thresholds: }"
    assert reduced(written) == reduced("{top_k: {cpu: 5}}")


def test_what_is_new_in_reduce_is_compared_key_by_key() -> None:
    text = MINIMAL.replace("exporters:\n", "processors:\n  reduce: {later: 1}\nexporters:\n", 1)
    component = a_configuration(text).components[Kind.PROCESSOR]["reduce"]
    assert read_component(component).rest == {"later": 1}
