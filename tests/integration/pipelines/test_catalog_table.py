"""The table of the catalog from records on disk: the command that makes it runs no trial here."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scripts.catalog_page import page_of
from scripts.catalog_rows import as_data, effects_in
from scripts.catalog_table import PAGE
from scripts.catalog_trials import BASELINE, Case, Setup, cases, run_all
from tests.unit.analysis.runs import PLAN, Change, run, unchanged
from tests.unit.cli.report_subjects import a_record, a_variant

from phoenix_platform.agent.load.profiles import PROFILES
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.samples import HostTotal, Sample, Variant
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.catalog_effects import Effects, effects
from phoenix_platform.pipelines.emission import write_document

TOPK = Case("process-topk-v1", "realistic")


def variant(name: str) -> dict[str, Any]:
    return a_variant(name, {}) | {"content_hash": catalog.get(name).configuration.hash}


def put_record(
    folder: Path, case: Case = TOPK, *, change: Change = unchanged, seed: int = 1
) -> Path:
    record = a_record(
        run(130, change=change),
        plan=replace(PLAN, max_duration=timedelta(seconds=150)),
        options={"seed": seed},
        variants={"baseline": variant(BASELINE), "candidate": variant(case.entry)},
    )
    path = case.record(folder)
    path.write_bytes(msgspec.json.encode(record))
    facts = {"processor": "A Processor", "is_isolated": True, "at_once": 2}
    (folder / "conditions.json").write_text(json.dumps(facts), "utf-8")
    return path


def half_the_rss_is_lost(sample: Sample) -> Sample | None:
    if sample.variant is Variant.BASELINE:
        return sample
    return replace(
        sample, totals={"process.memory.usage": HostTotal(raw=100.0, output=50.0, tolerance=1e-9)}
    )


def test_every_entry_meets_every_load_profile() -> None:
    assert {(case.entry, case.profile) for case in cases()} == {
        (entry, profile) for entry in catalog.names() for profile in PROFILES
    }


def test_only_names_that_a_profile_runs_are_critical_in_it() -> None:
    assert Case("process-topk-v1", "realistic").critical == ("phx-api", "phx-db")
    assert Case("process-topk-v1", "high-cardinality").critical == ()


def test_records_that_are_there_are_not_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for case in cases():
        case.record(tmp_path).write_text("kept", "utf-8")
    assert run_all(Setup(folder=tmp_path, seconds=1, seed=1, at_once=2)) == []
    assert {case.record(tmp_path).read_text("utf-8") for case in cases()} == {"kept"}
    assert "0 trials to run, 28 records are there" in capsys.readouterr().out
    conditions = json.loads((tmp_path / "conditions.json").read_text("utf-8"))
    assert conditions["at_once"] == 2


def test_the_effect_of_an_entry_is_what_its_record_says(tmp_path: Path) -> None:
    put_record(tmp_path)
    found = effects_in(tmp_path)
    [effect] = found.entries["process-topk-v1"]
    assert effect.profile == "realistic"
    assert effect.series.window is not None
    assert effect.series.low is not None
    assert effect.series.high is not None
    assert effect.series.low <= effect.series.window <= effect.series.high
    assert effect.critical_misses == 0
    assert effect.critical_checks > 0
    assert effect.intervals > 0
    assert found.conditions.machine == "A Processor, 2 processors, 16.0 GiB"
    assert found.conditions.most_seconds == 150
    assert found.conditions.date == "2027-01-15"
    assert found.entries["process-adaptive-v1"] == ()


def test_the_error_of_a_total_is_that_of_the_record(tmp_path: Path) -> None:
    put_record(tmp_path, change=half_the_rss_is_lost)
    [effect] = effects_in(tmp_path).entries["process-topk-v1"]
    total = effect.totals["process.memory.usage"]
    assert total.wape == 0.5
    assert total.broken > 0


def test_the_data_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    put_record(tmp_path)
    found = effects_in(tmp_path)
    text = write_document(as_data(found))
    assert msgspec.yaml.decode(text, type=Effects) == found


def test_the_page_has_a_row_for_each_pipeline_and_no_number_where_nothing_was_measured(
    tmp_path: Path,
) -> None:
    put_record(tmp_path)
    page = page_of(effects_in(tmp_path))
    for profile in PROFILES:
        assert f"### `{profile}`" in page
    rows = re.findall(r"^\| `process-.*$", page, re.MULTILINE)
    assert len(rows) == len(PROFILES) * len(catalog.names())
    assert sum("no data" in row and "%" not in row for row in rows) == len(rows) - 1
    assert len({row.count("|") for row in rows}) == 1


def test_a_record_of_another_configuration_is_refused(tmp_path: Path) -> None:
    path = put_record(tmp_path)
    record = json.loads(path.read_text("utf-8"))
    record["variants"]["candidate"]["content_hash"] = "sha256:" + "00" * 32
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(
        InvalidInputError, match="its candidate is not process-topk-v1 as it is now"
    ):
        effects_in(tmp_path)


def test_a_record_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    path = put_record(tmp_path)
    record = json.loads(path.read_text("utf-8"))
    record["judgement"]["intervals"] += 1
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(InvalidInputError, match="contradicts itself"):
        effects_in(tmp_path)


def test_records_of_two_kinds_make_no_table(tmp_path: Path) -> None:
    put_record(tmp_path)
    put_record(tmp_path, Case("process-topk-v1", "high-churn"), seed=2)
    with pytest.raises(InvalidInputError, match=r"the records differ.*'1', '2'"):
        effects_in(tmp_path)


def test_a_folder_without_records_makes_no_table(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="holds no record"):
        effects_in(tmp_path)


def test_the_table_in_the_docs_is_what_the_catalog_has_as_data() -> None:
    assert page_of(effects()) in PAGE.read_text("utf-8"), "run: make catalog-table"
