import pytest
from tests.unit.pipelines.lint.linted import findings, mended, places, rules, with_processors

from phoenix_platform.pipelines.findings import Severity

REDUCE = "{top_k: {cpu: 5}}"
NAME = 'resource.attributes["process.executable.name"]'
DROPS = f"{{metrics: {{metric: ['{NAME} == \"cron\"']}}}}"


@pytest.mark.parametrize(
    "fine",
    [
        {"memory_limiter": "{check_interval: 1s, limit_mib: 300}", "reduce": REDUCE, "batch": "{}"},
        {"cumulative_to_delta": "{}", "reduce": "{top_k: {cpu: 5}, output_temporality: delta}"},
        {"filter": "{metrics: {metric: ['name == \"process.uptime\"']}}", "reduce": REDUCE},
        {"reduce": "{group_by: [process.owner], ledger: {path: /l, max_megabytes: 2}, storage: x}"},
        {"reduce": "{levels: [{name: a, enter: {processes: 9}, leave: {series: 3}, top_k: {io: 1}}]}"},
        {"reduce": "{on_unknown: '${env:UNKNOWN:-drop}', group_by: 1, levels: 1, categories: [{name: a, match: [b]}]}"},
        {"reduce": "{thresholds: , ledger: {path: 5}}"},
    ],
)  # fmt: skip
def test_what_reduce_can_work_with_is_left_alone(fine: dict[str, str]) -> None:
    assert not [rule for rule in rules(with_processors(**fine)) if not rule.startswith("env-")]


def test_a_batch_before_reduce_tears_scrapes_and_is_put_last() -> None:
    text = with_processors(batch="{}", reduce=REDUCE)
    (found,) = findings(text)
    assert (found.rule, found.severity, found.component) == (
        "reduce-after-batch",
        Severity.WARNING,
        "batch",
    )
    assert "in pieces" in found.message
    assert "processors: [reduce, batch]" in mended(text)


def test_a_filter_of_processes_beside_reduce_takes_them_out_of_the_totals() -> None:
    before = findings(with_processors(filter__a=DROPS, reduce=REDUCE))
    after = findings(with_processors(reduce=REDUCE, filter__a=DROPS))
    assert [(one.rule, one.component) for one in (*before, *after)] == [
        ("totals-lost", "filter/a")
    ] * 2
    assert "drops processes before 'reduce' sums them" in before[0].message
    assert "drops what 'reduce' lets out" in after[0].message
    assert "never_keep" in before[0].fix


def test_a_filter_of_processes_that_is_not_understood_is_one_all_the_same() -> None:
    some = f"{{metrics: {{datapoint: ['{NAME} == \"a\" and value_int > 5']}}}}"
    assert rules(with_processors(filter=some, reduce=REDUCE)) == ["totals-lost"]


def test_a_second_reduce_has_no_processes_to_choose_from() -> None:
    text = with_processors(reduce=REDUCE, reduce__b="{group_by: [process.owner]}")
    assert places(text, "second-reduce") == [(12, 28, "reduce/b")]


def test_reduce_finds_nothing_where_the_pid_was_deleted() -> None:
    text = with_processors(
        resource="{attributes: [{key: process.pid, action: delete}, {key: a, action: delete}]}",
        reduce="{group_by: [a, 5]}",
    )
    assert rules(text).count("attribute-already-deleted") == 2


@pytest.mark.parametrize(("enabled", "found"), [("false", ["reduce-without-pid"]), ("true", [])])
def test_reduce_finds_nothing_where_the_scraper_gives_no_pid(
    enabled: str, found: list[str]
) -> None:
    process = f"{{resource_attributes: {{process.pid: {{enabled: {enabled}}}}}}}"
    text = with_processors(reduce=REDUCE).replace("{process: }", f"{{process: {process}}}")
    assert rules(text) == found


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{topk: {cpu: 5}}", "reduce has no setting 'topk'"),
        ("{top_k: {gpu: 5}}", "top_k has no setting 'gpu'"),
        ("{levels: [{enter: {cpu: 1}}]}", "levels.enter has no setting 'cpu'"),
        ("{levels: [{top_k: {margin: 1}}]}", "levels.top_k has no setting 'margin'"),
        ("{categories: [{names: a}]}", "categories has no setting 'names'"),
        ("{ledger: {file: a}}", "ledger has no setting 'file'"),
        ("{on_unknown: ignore}", "on_unknown is 'ignore', which reduce refuses"),
        ("{output_temporality: gauge}", "output_temporality is 'gauge', which reduce refuses"),
        ("{group_by: [process.pid]}", "process.pid is another one for nearly every process, which reduce refuses"),
        (
            "{group_by: [a], categories: [{name: a, match: [b]}]}",
            "group_by and categories both name the sums, which reduce refuses",
        ),
    ],
)  # fmt: skip
def test_a_setting_that_the_processor_refuses_is_an_error(settings: str, message: str) -> None:
    (found,) = findings(with_processors(reduce=settings))
    assert (found.severity, found.message, found.line) == (Severity.ERROR, message, 4)
    assert found.fix


@pytest.mark.parametrize(
    ("condition", "scraper"), [("cpu_utilization: 0.8", "cpu"), ("load_1m: 8", "load")]
)
def test_a_level_on_a_metric_that_nothing_scrapes_is_never_met(
    condition: str, scraper: str
) -> None:
    text = with_processors(reduce=f"{{levels: [{{enter: {{{condition}}}, top_k: {{cpu: 1}}}}]}}")
    (found,) = findings(text)
    assert (found.rule, found.severity) == ("level-never-met", Severity.WARNING)
    assert found.fix == f"add the {scraper} scraper to its host_metrics receiver"
    assert rules(text.replace("{process: }", f"{{process: , {scraper}: }}")) == []


@pytest.mark.parametrize("receivers", ["[host_metrics, otlp]", "[host_metrics, forward]"])
def test_what_another_receiver_brings_is_not_known(receivers: str) -> None:
    text = with_processors(reduce="{levels: [{enter: {load_1m: 8}, top_k: {cpu: 1}}]}")
    with_others = text.replace("receivers: [host_metrics]", f"receivers: {receivers}").replace(
        "receivers:\n", "receivers:\n  otlp: {protocols: {http: }}\n", 1
    )
    assert "level-never-met" not in rules(with_others)


def test_two_pipelines_must_not_write_one_ledger() -> None:
    text = with_processors(reduce="{ledger: {path: /l, max_megabytes: 1}}")
    text += (
        "    metrics/2: {receivers: [host_metrics], processors: [reduce], exporters: [otlp_http]}\n"
    )
    (found,) = findings(text)
    assert (found.rule, found.line) == ("shared-ledger", 4)
    assert "2 instances of reduce write /l" in found.message


def test_a_collector_without_reduce_needs_a_build_of_its_own() -> None:
    text = with_processors(reduce=REDUCE)
    (found,) = [
        one
        for one in findings(text, target="otelcol-contrib", version=(0, 150, 0))
        if one.component == "reduce"
    ]
    assert (found.rule, found.severity) == ("unknown-component", Severity.ERROR)
    assert "builder manifest" in found.fix
    assert rules(with_processors(reduce=REDUCE), target="phoenix-otelcol") == []
