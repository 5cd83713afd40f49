"""What an export changes, what it leaves to the letter, and what it refuses."""

import difflib

import pytest
from tests.export_cases import (
    ANCHORS,
    BLOCK,
    CASES,
    FLOW,
    LISTS,
    NO_HOST_METRICS,
    ONLY_SYSTEM,
    OTHER_SCRAPERS,
    SHARED,
)
from tests.pipeline_builders import a_configuration

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.diffs import semantic_diff
from phoenix_platform.pipelines.exports.exporting import Export, export_pipeline
from phoenix_platform.pipelines.exports.targets import read_target
from phoenix_platform.pipelines.semantics.facts import mapping

PRIORITY, AGGREGATED = "process-priority-v1", "process-aggregated-stock-v1"
ENTRIES = {entry.name: entry.configuration for entry in catalog.entries()}
PHOENIX = read_target("phoenix-otelcol@0.161.0")


def export(
    name: str,
    into: str | Configuration,
    *,
    target: str = "phoenix-otelcol@0.161.0",
    exporter: str | None = None,
) -> Export:
    return export_pipeline(
        ENTRIES[name],
        a_configuration(into, name="my.yaml") if isinstance(into, str) else into,
        target=read_target(target),
        exporter=exporter,
        others=tuple(ENTRIES.values()),
    )


def text_of(made: Export) -> str:
    return made.configuration.document.text


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_goes_into_every_layout_once(name: str, case: str) -> None:
    made = export(name, CASES[case])
    again = export(name, made.configuration)
    assert text_of(again) == text_of(made), "a second export changes nothing"
    wanted = [one.type for one in ENTRIES[name].components[Kind.PROCESSOR].values()]
    for pipeline in made.configuration.pipelines.values():
        receivers = [
            made.configuration.components[Kind.RECEIVER].get(id_) for id_ in pipeline.receivers
        ]
        if any(one and "process" in mapping(one.settings.get("scrapers")) for one in receivers):
            types = [
                made.configuration.components[Kind.PROCESSOR][id_].type
                for id_ in pipeline.processors
            ]
            assert [one for one in types if one in wanted][: len(wanted)] == wanted


@pytest.mark.parametrize("case", CASES)
def test_one_export_takes_the_place_of_another(case: str) -> None:
    first = export(PRIORITY, CASES[case])
    direct, replaced = export(AGGREGATED, CASES[case]), export(AGGREGATED, first.configuration)
    assert PRIORITY not in text_of(replaced)
    left = semantic_diff(direct.configuration, replaced.configuration)
    assert all(one.effect == "No effect: nothing uses the component." for one in left)


@pytest.mark.parametrize("case", CASES)
def test_exporters_and_their_comments_stay_to_the_letter(case: str) -> None:
    before = CASES[case]
    after = text_of(export(PRIORITY, before))
    removed = [
        line[2:]
        for line in difflib.ndiff(before.splitlines(), after.splitlines())
        if line.startswith("- ")
    ]
    assert [line for line in removed if line.lstrip().startswith("#")] == []
    assert len(removed) <= 6
    assert (
        a_configuration(before).components[Kind.EXPORTER]
        == a_configuration(after).components[Kind.EXPORTER]
        or case == "flow"
    )


def test_the_chain_stands_behind_the_memory_limiter_and_before_all_others() -> None:
    made = export(AGGREGATED, BLOCK)
    assert made.configuration.pipelines["metrics"].processors == (
        "memory_limiter", "cumulative_to_delta", "transform/strip", "groupbyattrs", "transform/agg", "batch",
    )  # fmt: skip
    assert "processors: [memory_limiter, cumulative_to_delta, transform/strip, groupbyattrs, transform/agg, batch]   # in this order" in text_of(made)  # fmt: skip


def test_block_lists_keep_their_comments() -> None:
    lines = text_of(export(PRIORITY, LISTS)).splitlines()
    at = lines.index("      - memory_limiter")
    assert lines[at - 1 : at + 3] == [
        "      # protects", "      - memory_limiter", "      - filter/priority", "      - batch  # packs",
    ]  # fmt: skip


def test_the_text_says_where_each_block_comes_from() -> None:
    text = text_of(export(PRIORITY, BLOCK))
    hash_ = ENTRIES[PRIORITY].hash
    assert text.startswith("# Phoenix export: ")
    assert hash_ in text
    assert f"  # Phoenix: from {PRIORITY} ({hash_[:19]}).\n  filter/priority:\n" in text
    assert "# What matches is dropped" in text, "comments of the entry come along"
    assert "${env:PHX_EXPORT_ENDPOINT:-http://127.0.0.1:4318}   # the vendor" in text


def test_what_was_tried_replaces_the_users_settings_and_is_noted() -> None:
    made = export(PRIORITY, BLOCK)
    receiver = made.configuration.components[Kind.RECEIVER]["host_metrics"]
    assert receiver.settings["collection_interval"] == "60s"
    assert receiver.settings["scrapers"] == {"process": {"mute_process_all_errors": True}}
    assert any("was 10s and is 60s" in line for line in made.notes)
    assert any("mute_process_name_error" in line for line in made.notes)


def test_a_reference_to_the_environment_stays() -> None:
    made = export(PRIORITY, BLOCK.replace("interval: 10s", "interval: ${env:EVERY}"))
    assert "collection_interval: ${env:EVERY}" in text_of(made)
    assert any("stays ${env:EVERY}" in line for line in made.notes)


def test_other_scrapers_keep_their_way() -> None:
    made = export(PRIORITY, OTHER_SCRAPERS)
    receivers, pipelines = (
        made.configuration.components[Kind.RECEIVER],
        made.configuration.pipelines,
    )
    assert set(mapping(receivers["host_metrics"].settings["scrapers"])) == {"cpu", "memory"}
    assert receivers["host_metrics/phoenix"].settings["root_path"] == "/"
    assert pipelines["metrics"].processors == ("memory_limiter", "batch")
    assert pipelines["metrics/phoenix"].receivers == ("host_metrics/phoenix",)
    assert pipelines["metrics/phoenix"].processors == ("memory_limiter", "filter/priority", "batch")
    assert any("of its own" in line for line in made.notes)


def test_other_receivers_keep_their_way_and_ids_do_not_clash() -> None:
    made = export(PRIORITY, SHARED)
    pipelines = made.configuration.pipelines
    assert pipelines["metrics"].receivers == ("otlp",)
    assert pipelines["metrics"].processors == ("groupbyattrs", "filter/priority")
    assert pipelines["metrics/phoenix"].receivers == ("hostmetrics",)
    assert pipelines["metrics/phoenix"].processors[0] == "filter/priority_phoenix"
    assert pipelines["metrics/phoenix"].exporters == ("otlphttp", "forward")
    assert pipelines["traces"] == a_configuration(SHARED).pipelines["traces"]


def test_without_host_metrics_a_pipeline_leads_to_the_only_exporter() -> None:
    made = export(PRIORITY, NO_HOST_METRICS)
    added = made.configuration.pipelines["metrics/phoenix"]
    assert (added.receivers, added.exporters) == (("host_metrics",), ("otlp_http",))
    assert added.processors == ("memory_limiter", "filter/priority")


def test_a_receiver_without_processes_stays_and_gets_a_neighbour() -> None:
    made = export(PRIORITY, ONLY_SYSTEM)
    assert made.configuration.pipelines["metrics/phoenix"].receivers == ("host_metrics/phoenix",)


@pytest.mark.parametrize(
    ("exporter", "message"),
    [
        pytest.param(None, r"exporter: .* several exporters; .*--exporter: otlp_http, debug", id="several"),
        pytest.param("none", r"exporter: my.yaml has no 'none'; there are", id="unknown"),
    ],
)  # fmt: skip
def test_the_exporter_is_asked_for(exporter: str | None, message: str) -> None:
    text = NO_HOST_METRICS.replace(
        "exporters:\n  otlp_http", "exporters:\n  debug: {}\n  otlp_http"
    )
    text = text.replace("exporters: [otlp_http]", "exporters: [otlp_http, debug]")
    with pytest.raises(InvalidInputError, match=message):
        export(PRIORITY, text, exporter=exporter)
    assert export(PRIORITY, text, exporter="debug").configuration.pipelines[
        "metrics/phoenix"
    ].exporters == ("debug",)


def test_an_exporter_that_processes_do_not_reach_is_refused() -> None:
    text = BLOCK.replace("exporters:\n  otlp_http", "exporters:\n  debug: {}\n  otlp_http")
    with pytest.raises(InvalidInputError, match="leave --exporter out"):
        export(PRIORITY, text, exporter="debug")


def test_names_are_those_of_the_target() -> None:
    old = export(AGGREGATED, BLOCK, target="otelcol-contrib@0.130.0")
    assert set(old.configuration.components[Kind.RECEIVER]) == {"hostmetrics"}
    assert "cumulativetodelta" in old.configuration.components[Kind.PROCESSOR]
    assert old.configuration.pipelines["metrics"].exporters == ("otlphttp/vendor",)
    assert "  hostmetrics:   # every ten seconds" in text_of(old)
    assert set(export(PRIORITY, SHARED).configuration.components[Kind.RECEIVER]) == {
        "otlp",
        "hostmetrics",
    }


def test_a_target_that_lacks_a_component_is_refused_with_each_place() -> None:
    with pytest.raises(InvalidInputError) as refused:
        export(AGGREGATED, BLOCK, target="otelcol@0.130.0")
    assert (
        "process-aggregated-stock-v1:13:3: processor cumulative_to_delta: otelcol@0.130.0 never had it"
        in str(refused.value)
    )
    assert "choose another distribution or release" in str(refused.value)
    gone = BLOCK.replace("exporters:\n", "exporters:\n  logging: {}\n")
    with pytest.raises(
        InvalidInputError, match=r"my.yaml:18:3: exporter logging: .* no more since 0\.111\.0"
    ):
        export(PRIORITY, gone, target="otelcol-contrib@0.140.0")
    with pytest.raises(InvalidInputError, match=r"does not have it, .* is the first that has"):
        export(PRIORITY, gone.replace("logging", "debug"), target="otelcol-contrib@0.80.0")


def test_a_release_we_do_not_know_is_noted() -> None:
    text = BLOCK.replace("exporters:\n", "exporters:\n  brand_new: {}\n")
    notes = export(PRIORITY, text, target="otelcol-contrib@9.9.9").notes
    assert any("brand_new: not known" in line for line in notes)


def test_two_names_that_would_become_one_are_refused() -> None:
    text = FLOW.replace("exporters: {otlp_http", "exporters: {otlphttp: {endpoint: x}, otlp_http")
    with pytest.raises(InvalidInputError, match="rename one"):
        export(PRIORITY, text, target="otelcol-contrib@0.130.0")


def test_anchors_that_stay_whole_are_no_hindrance() -> None:
    made = export(PRIORITY, ANCHORS)
    for id_ in ("metrics", "metrics/more"):
        assert "filter/priority" in made.configuration.pipelines[id_].processors


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("  batch: {}\n  filter/x: *shared", id="anchor-goes"),
        pytest.param("  batch: {}\n  filter/x: {metrics: *outer}", id="anchor-changes"),
    ],
)
def test_what_something_else_shares_is_refused_not_changed_for_both(more: str) -> None:
    text = BLOCK.replace("    scrapers:\n", "    scrapers: &outer\n").replace(
        "      process:\n", "      process: &shared\n"
    )
    with pytest.raises(
        InvalidInputError, match=r"^my.yaml: .* shared through an anchor; write out"
    ):
        export(PRIORITY, text.replace("  batch: {}", more))


def test_a_pipeline_that_an_alias_brings_is_refused() -> None:
    merged = (
        BLOCK.replace("  batch: {}", "  batch: {}\n").replace("    metrics:\n", "    metrics: &m\n")
        + "    metrics/two: *m\n"
    )
    with pytest.raises(InvalidInputError, match="alias"):
        export(PRIORITY, merged)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(NO_HOST_METRICS, "not one metrics pipeline", id="no-host-metrics"),
        pytest.param(SHARED, "a connector", id="connector"),
    ],
)
def test_what_is_exported_is_one_row_of_processors(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        export_pipeline(a_configuration(text), a_configuration(BLOCK), target=PHOENIX)


def test_a_pipeline_of_the_users_own_can_be_exported() -> None:
    own = a_configuration(
        FLOW.replace("process: {}", "process: {}, load: {}, paging: {metrics: {}}")
        .replace("scrapers:", "root_path: /x, collection_interval: 60s, scrapers:")
        .replace(", exporters: {", ", processors: {memory_limiter: {limit_mib: 1}, filter: {}, batch: {}}, exporters: {")
        .replace("[host_metrics], exp", "[host_metrics], processors: [memory_limiter, filter, batch], exp"),
        name="own.yaml",
    )  # fmt: skip
    made = export_pipeline(own, a_configuration(BLOCK), target=PHOENIX)
    assert made.configuration.pipelines["metrics"].processors == (
        "memory_limiter",
        "filter",
        "batch",
    )
    receiver = made.configuration.components[Kind.RECEIVER]["host_metrics"]
    assert set(mapping(receiver.settings["scrapers"])) == {"process", "load", "paging"}
    assert receiver.settings["root_path"] == "/x"


def test_a_chain_without_processors_writes_no_empty_list() -> None:
    into = NO_HOST_METRICS.replace("      processors: [memory_limiter]\n", "").replace(
        "processors:\n  memory_limiter: {check_interval: 1s, limit_mib: 300}\n", ""
    )
    made = export_pipeline(a_configuration(FLOW), a_configuration(into), target=PHOENIX)
    assert made.configuration.pipelines["metrics/phoenix"].processors == ()
    assert "processors" not in text_of(made)


def test_line_ends_stay() -> None:
    text = text_of(export(PRIORITY, CASES["windows"]))
    assert text.count("\n") == text.count("\r\n")


def test_a_target_names_a_distribution_and_a_release() -> None:
    assert str(read_target("otelcol-contrib")) == "otelcol-contrib@0.159.0"
    with pytest.raises(InvalidInputError, match="no table of the distribution 'mine'"):
        read_target("mine@1.0.0")
    with pytest.raises(InvalidInputError, match="not a version"):
        read_target("otelcol@latest")


@pytest.mark.parametrize("release", ["0.161.0", "9.9.9"])
def test_an_entry_with_reduce_says_how_to_build_a_collector_that_has_it(release: str) -> None:
    made = export("process-topk-v1", BLOCK, target=f"otelcol-contrib@{release}")
    assert made.build is not None
    assert made.build.manifest_lines == (
        "processors:",
        "  - gomod: example.com/phoenix/reduceprocessor v0.0.0",
        "    path: ./reduceprocessor",
    )
    assert "builder --config manifest.yaml" in made.build.commands[-1]
    comments = [
        line for line in text_of(made).splitlines() if line.startswith("# Phoenix export: ")
    ]
    for line in (*made.build.manifest_lines, *made.build.commands):
        assert f"# Phoenix export:   {line}" in comments
    mixes = [line for line in made.notes if "raise the modules" in line]
    assert len(mixes) == (release != "0.161.0")
    again = export("process-topk-v1", made.configuration, target=f"otelcol-contrib@{release}")
    assert text_of(again) == text_of(made)


def test_a_target_that_has_reduce_needs_no_build() -> None:
    assert export("process-topk-v1", BLOCK).build is None
    assert export(PRIORITY, BLOCK, target="otelcol-contrib@0.150.0").build is None


def test_the_comments_about_a_build_go_with_the_entry_that_needed_it() -> None:
    first = export("process-topk-v1", BLOCK, target="otelcol-contrib@0.150.0")
    replaced = export(PRIORITY, first.configuration, target="otelcol-contrib@0.150.0")
    assert replaced.build is None
    assert "gomod" not in text_of(replaced)
