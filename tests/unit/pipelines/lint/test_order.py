from tests.pipeline_builders import MINIMAL
from tests.unit.pipelines.lint.linted import findings, mended, places, rules, with_processors

from phoenix_platform.pipelines.findings import Severity


def test_the_memory_limiter_comes_first() -> None:
    text = with_processors(resource="{}", memory_limiter="{}", batch="{}")
    (found,) = findings(text)
    assert (found.rule, found.severity, found.component) == (
        "memory-limiter-not-first", Severity.WARNING, "memory_limiter",
    )  # fmt: skip
    assert (found.line, found.column, found.is_fixable) == (13, 30, True)
    assert mended(text) == text.replace(
        "[resource, memory_limiter, batch]", "[memory_limiter, resource, batch]"
    )


def test_batch_comes_last_where_only_its_size_is_at_stake() -> None:
    note = with_processors(batch="{}", resource="{}")
    shrinking = with_processors(batch="{}", filter="{}", resource="{}")
    connection = with_processors(batch="{}", k8sattributes="{}")
    for text, severity in (
        (note, Severity.NOTE),
        (shrinking, Severity.WARNING),
        (connection, Severity.WARNING),
    ):
        (found,) = (one for one in findings(text) if one.rule == "batch-not-last")
        assert (found.severity, found.is_fixable) == (severity, True)
    assert "[filter, resource, batch]" in mended(shrinking)


def test_batch_before_what_wants_whole_batches_is_left_alone() -> None:
    assert "batch-not-last" not in rules(with_processors(batch="{}", groupbyattrs="{}"))


def test_both_are_put_right_and_everything_else_stays() -> None:
    text = with_processors(batch="{}  # large", filter="{}", memory_limiter="{}")
    assert mended(text) == text.replace(
        "[batch, filter, memory_limiter]", "[memory_limiter, filter, batch]"
    )


def test_renaming_and_reordering_meet() -> None:
    text = with_processors(cumulativetodelta="{}", memory_limiter="{}")
    assert mended(text, target="phoenix-otelcol") == text.replace(
        "cumulativetodelta: {}", "cumulative_to_delta: {}"
    ).replace("[cumulativetodelta, memory_limiter]", "[memory_limiter, cumulative_to_delta]")


def test_quotes_block_lists_and_line_ends_are_kept() -> None:
    text = with_processors(resource="{}", memory_limiter="{}").replace(
        "[resource, memory_limiter]", "\n      - 'resource'\n      - \"memory_limiter\""
    )
    text = text.replace("\n", "\r\n")
    assert mended(text) == text.replace(
        "- 'resource'\r\n      - \"memory_limiter\"", "- 'memory_limiter'\r\n      - \"resource\""
    )


def test_a_comment_would_lose_its_line_so_a_person_decides() -> None:
    text = with_processors(resource="{}", memory_limiter="{}").replace(
        "[resource, memory_limiter]", "\n      - resource # why\n      - memory_limiter"
    )
    assert [(one.rule, one.is_fixable) for one in findings(text)] == [
        ("memory-limiter-not-first", False)
    ]
    assert mended(text) == text


def test_an_id_that_does_not_stand_as_it_is_read_is_left_alone() -> None:
    text = with_processors(resource="{}", memory_limiter="{}").replace(
        "[resource, memory_limiter]", '["re\\x73ource", memory_limiter]'
    )
    assert mended(text) == text
    longer = MINIMAL.replace("host_metrics", "hostmetrics/a").replace(
        "[hostmetrics/a]", '["hostmetrics\\x2fa"]'
    )
    assert mended(longer, target="phoenix-otelcol") == longer


def test_a_list_with_a_twin_is_not_reordered() -> None:
    text = with_processors(resource="{}", memory_limiter="{}").replace(
        "[resource, memory_limiter]", "[resource, resource, memory_limiter]"
    )
    assert mended(text) == text


def test_ids_that_others_refer_to_are_not_renamed() -> None:
    text = MINIMAL.replace("host_metrics", "hostmetrics")
    referring = text.replace(
        "exporters:\n", "processors: {groupbyattrs: {keys: [hostmetrics]}}\nexporters:\n", 1
    )
    assert "hostmetrics:" in mended(referring, target="phoenix-otelcol")
    taken = text.replace("receivers:\n", "receivers:\n  host_metrics: {}\n", 1)
    assert "hostmetrics:" in mended(taken, target="phoenix-otelcol")
    spaced = text.replace("  hostmetrics:\n", "  'hostmetrics ':\n")
    assert "hostmetrics ':" in mended(spaced, target="phoenix-otelcol")


def test_a_connector_is_renamed_on_both_its_sides() -> None:
    text = MINIMAL.replace("exporters:\n", "connectors: {spanmetrics: }\nexporters:\n", 1) + (
        "    traces: {receivers: [host_metrics], exporters: [spanmetrics]}\n"
    ).replace("[host_metrics]", "[nop]")
    text = text.replace("receivers:\n", "receivers:\n  nop:\n", 1)
    text = text.replace("[host_metrics]", "[host_metrics, spanmetrics]")
    assert mended(text, version=(0, 161, 0)) == text.replace("spanmetrics", "span_metrics")


def test_one_fix_that_would_change_the_meaning_does_not_stop_the_others() -> None:
    text = (
        with_processors(resource="{}", memory_limiter="{}")
        .replace("host_metrics: {scrapers", "hostmetrics: {}\n  hostmetrics: {scrapers")
        .replace("[host_metrics]", "[hostmetrics]")
    )
    after = mended(text, target="phoenix-otelcol")
    assert after == text.replace("[resource, memory_limiter]", "[memory_limiter, resource]")


def test_several_memory_limiters_share_the_first_place() -> None:
    text = with_processors(memory_limiter="{}", memory_limiter__2="{}", resource="{}")
    assert rules(text) == []


def test_what_is_defined_and_runs_nowhere_is_a_warning() -> None:
    text = "processors: {batch: }\nextensions: {zpages: }\nconnectors: {forward: }\n" + MINIMAL
    assert places(text, "unused-component") == [
        (1, 14, "batch"), (2, 14, "zpages"), (3, 14, "forward"),
    ]  # fmt: skip


def test_what_another_component_names_is_used() -> None:
    text = with_processors(routing="{table: [{exporters: [debug]}]}").replace(
        "exporters:\n  otlp_http", "exporters:\n  debug: {}\n  otlp_http"
    )
    assert "unused-component" not in rules(text)
