"""What stands in the report of a run: for each kind of run, and for the worst of names."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.analysis.runs import AT_END, DATABASE, PLAN, Change, run
from tests.unit.cli.report_subjects import (
    a_record,
    a_subject,
    a_variant,
    hostile_record,
    missing_after,
)

from phoenix_platform.analysis.verdicts import Scope, Verdict
from phoenix_platform.cli.reports.page import page_of
from phoenix_platform.cli.reports.subjects import Subject, subject_of
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.samples import KeptMetric, Sample, Variant


class Reader(HTMLParser):
    """The words and the structure that a browser would find."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.text = " ".join(reader.text.split())
    return reader


def words_of(subject: Subject) -> str:
    return read(page_of(subject)).text


def without_cpu(sample: Sample) -> Sample | None:
    return replace(sample, cpu_seconds=None)


def lossy(sample: Sample) -> Sample | None:
    if sample.variant is Variant.BASELINE:
        return sample
    totals = {name: replace(total, output=0.5 * total.raw) for name, total in sample.totals.items()}
    return replace(sample, totals=totals)


def no_longer(*fields: str) -> Change:
    def change(sample: Sample) -> Sample | None:
        return replace(sample, **{name: {} for name in fields})  # type: ignore[arg-type]

    return change


@pytest.mark.parametrize(
    ("scrapes", "changed", "answer"),
    [
        pytest.param(200, {}, "Yes, for a first stage.", id="promote"),
        pytest.param(
            200,
            {"plan": replace(PLAN, min_duration=timedelta(seconds=60))},
            "Yes, for the whole fleet.",
            id="promote-the-fleet",
        ),
        pytest.param(
            200,
            {"plan": replace(PLAN, target_reduction=0.9)},
            "No: it does not save enough.",
            id="stop-futile",
        ),
        pytest.param(
            60,
            {"change": missing_after(30, DATABASE)},
            "No: the candidate broke a guardrail.",
            id="abort",
        ),
        pytest.param(60, {}, "Not decided within the time.", id="inconclusive"),
        pytest.param(
            60,
            {"conditions": replace(AT_END, invalid_because="The host was busy.")},
            "This run proves nothing either way.",
            id="invalid",
        ),
        pytest.param(
            60, {"is_broken_off": True}, "The run broke off before a verdict.", id="broken-off"
        ),
    ],
)
def test_the_head_answers_the_question(scrapes: int, changed: dict[str, Any], answer: str) -> None:
    assert answer in words_of(a_subject(scrapes, **changed))


def test_the_reasons_scope_and_what_would_change_it_are_there() -> None:
    subject = a_subject(200)
    text = words_of(subject).replace("\u00a0", " ")
    assert subject.judgement.verdict is Verdict.PROMOTE
    assert subject.judgement.scope is Scope.FIRST_STAGE
    assert all(" ".join(each.split()) in text for each in subject.judgement.reasons)
    assert all(each in text for each in subject.judgement.needed)
    assert "12 processes have no series of their own any more (1 executable name)." in text


def test_lost_totals_are_told_once_as_what_is_given_up() -> None:
    text = words_of(a_subject(200, change=lossy)).replace("\u00a0", " ")
    assert text.count("Sums over all processes are not whole any more") == 1
    assert "50.0 %" in text


def test_every_section_is_there_in_the_order_of_the_reader() -> None:
    page = page_of(a_subject(130, has_costs=True))
    anchors = re.findall(r'<section id="([^"]+)"', page)
    assert anchors == [
        "saved", "volumes", "criticals", "guardrails", "totals", "fidelity", "resources", "costs",
        "losses", "configurations", "facts", "verification",
    ]  # fmt: skip
    assert re.findall(r'<a href="#([^"]+)"', page) == anchors


def test_costs_are_ranges_with_their_vendor_and_what_is_not_known_is_no_data() -> None:
    text = words_of(a_subject(130, has_costs=True))
    assert "Datadog" in text
    assert "saves 0 under this unit" in text
    assert re.search(r"\d to \d[\d.]* USD", text)
    assert "no data" in text


def test_without_estimates_the_cost_is_no_data() -> None:
    assert "Cost: no data." in words_of(a_subject(60))


def test_what_was_not_measured_is_no_data_and_never_0() -> None:
    change = no_longer("totals", "visibility")
    text = words_of(a_subject(60, change=change, usage={}, host={"name": "a"}, series_by_metric={}))
    assert "Host totals: no data." in text
    assert "Coverage and recall: no data." in text
    assert "Active series of 20 minutes: no data." in text


def test_configurations_differ_by_meaning_and_by_text() -> None:
    text = words_of(a_subject(60))
    assert "What differs, by meaning" in text
    assert "processor filter/names" in text
    assert "+processors:" in text


def test_equal_configurations_are_said_to_be_the_same() -> None:
    variants = {"baseline": a_variant("a", {}), "candidate": a_variant("b", {})}
    text = words_of(a_subject(60, variants=variants))
    assert "By their meaning the two configurations are the same." in text
    assert "What differs, by text" not in text


def test_a_record_without_the_original_configuration_shows_what_ran() -> None:
    old: dict[str, Any] = {"name": "old", "config": {"receivers": {"otlp": {}}}}
    text = words_of(a_subject(60, variants={"baseline": {"name": "bare"}, "candidate": old}))
    assert "Configuration of the baseline: no data." in text
    assert "receivers: otlp: {}" in text


def test_a_text_that_is_no_configuration_has_no_meaning_to_compare() -> None:
    variants = {each: {"name": "x", "configuration": ["a list"]} for each in Variant}
    assert "What differs by meaning: no data" in words_of(a_subject(60, variants=variants))


def test_a_record_that_contradicts_its_samples_is_called_so() -> None:
    record = a_record(run(200))
    record["judgement"]["verdict"] = "abort"
    text = words_of(subject_of(record, file_name="trial.json"))
    assert "The record contradicts its own samples in 1 places." in text
    assert 'verdict: the record says "abort", its samples say "promote"' in text


def test_a_broken_off_record_says_what_its_samples_would_say() -> None:
    text = words_of(a_subject(200, is_broken_off=True))
    assert "Its samples alone would say: promote." in text
    assert "there is nothing to compare with" in text


def test_without_a_named_critical_process_none_is_said_to_be_kept() -> None:
    plan = replace(PLAN, critical_patterns=())
    text = words_of(a_subject(60, plan=plan, change=no_criticals))
    assert "No process was named as critical, so none was checked." in text


def test_a_pattern_that_nothing_matched_is_no_data() -> None:
    assert "no process matched postgres" in words_of(a_subject(60, change=no_criticals))


def no_criticals(sample: Sample) -> Sample | None:
    return replace(sample, critical_seen=())


def test_many_lost_names_are_folded_and_the_rest_is_counted() -> None:
    names = [
        {"name": f"name-{number:03}", "processes": 2, "visible": {"baseline": 2, "candidate": 1}}
        for number in range(400)
    ]
    text = words_of(a_subject(60, losses=names))
    assert "388 more names" in text
    assert "88 more names, all in the record" in text
    assert "name-311" in text
    assert "name-312" not in text


def test_many_totals_are_drawn_by_their_error() -> None:
    def many(sample: Sample) -> Sample | None:
        total = sample.totals["process.cpu.time"]
        return replace(sample, totals={f"metric.{number}": total for number in range(9)})

    assert "Drawn are the 6 metrics with the largest error of 9." in words_of(
        a_subject(60, change=many)
    )


def test_the_same_record_gives_the_same_page() -> None:
    assert page_of(a_subject(130, has_costs=True)) == page_of(a_subject(130, has_costs=True))


def test_the_policy_allows_the_style_sheet_and_nothing_else() -> None:
    page = page_of(a_subject(10))
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert len(style) == 1
    assert (
        f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\""
        in page
    )


def a_usual_record() -> dict[str, Any]:
    return a_record(run(130), has_costs=True)


@pytest.mark.parametrize("make", [a_usual_record, hostile_record])
def test_no_element_runs_loads_or_sets_a_style_of_its_own(
    make: Callable[[], dict[str, Any]],
) -> None:
    page = page_of(subject_of(make(), file_name="<script>.json"))
    reader = read(page)
    assert {"script", "img", "iframe", "object", "link", "form", "base"}.isdisjoint(reader.tags)
    names = {name for name, _ in reader.attributes}
    assert not [name for name in names if name in {"style", "src"} or name.startswith("on")]
    anchors = {f"#{anchor}" for anchor in re.findall(r'<section id="([^"]+)"', page)}
    assert {value for name, value in reader.attributes if name == "href"} == anchors


def test_no_hostile_name_reaches_the_page_unescaped() -> None:
    page = page_of(subject_of(hostile_record(), file_name="trial.json"))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "\x00" not in page
    assert r"\u202egnp.exe" in page


def test_headings_go_down_one_level_at_a_time() -> None:
    tags = read(page_of(a_subject(130, has_costs=True))).tags
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("scrapes", [0, 1, 3, 4], ids="{} scrapes".format)
def test_a_run_of_few_scrapes_has_a_report(scrapes: int) -> None:
    assert "no data" in words_of(a_subject(scrapes))


def test_a_quarter_of_an_hour_at_a_second_stays_below_a_megabyte() -> None:
    page = page_of(a_subject(900, change=without_cpu, has_costs=True))
    assert len(page.encode()) < 1_000_000


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_thousand_intervals_make_a_page_of_the_same_size_and_lose_no_miss() -> None:
    def rare(sample: Sample) -> Sample | None:
        return (
            replace(sample, stored_bytes=10**9) if sample.scrape == 5_000 else without_cpu(sample)
        )

    plan = replace(PLAN, max_duration=timedelta(days=1))
    subject = a_subject(10_000, change=rare, plan=plan, is_broken_off=True)
    page = page_of(subject)
    assert len(subject.intervals) == 9_998
    assert len(page.encode()) < 1_000_000
    assert "Drawn from 9998 values" in page
    assert "954 MiB" in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"format": "other"}, r"^format: ", id="format"),
        pytest.param({"host": None}, r"^host: missing from the record", id="host"),
        pytest.param(
            {"variants": {"baseline": {"name": "a"}}}, r"^variants: candidate", id="variants"
        ),
    ],
)
def test_what_is_no_record_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        subject_of(a_record(run(10)) | change, file_name="trial.json")


def test_metrics_that_critical_processes_lost_are_named() -> None:
    lost = {"process.disk.io": KeptMetric(1, 1, DATABASE)}

    def change(one: Sample) -> Sample:
        whole = {"process.disk.io": KeptMetric(1, 0, None)}
        kept = whole if one.variant is Variant.BASELINE else lost
        return replace(one, critical_metrics=kept)

    text = words_of(a_subject(60, change=change))
    assert "lost, though they stay visible: process.disk.io (of postgres, pid 4242)." in text
    assert "though they stay visible" not in words_of(a_subject(60))


def test_a_candidate_that_lost_nobody_is_said_to_have_lost_nobody() -> None:
    text = words_of(a_subject(60, losses=[]))
    assert "No process lost its own series." in text
    assert "Nothing that was measured." in text


def test_an_experiment_of_a_fleet_names_its_hosts_and_what_became_of_them() -> None:
    members = [{"name": f"web-{number}", "state": "done"} for number in range(4)]
    members.append({"name": "db-1", "state": "excluded", "reason": "no sample came from it"})
    words = words_of(a_subject(30, host=None, hosts=members))
    assert "web-0, web-1, web-2 and 2 more" in words
    assert "excluded: no sample came from it" in words
