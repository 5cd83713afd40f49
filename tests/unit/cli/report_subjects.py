"""Records of made-up trials for the tests of the report, as `phoenix trial` would have written them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
from tests.unit.analysis.runs import AT_END, PLAN, START, Change, run, unchanged

from phoenix_platform.analysis.costs import estimate
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.prices_catalog import shipped_books
from phoenix_platform.analysis.records import FORMAT
from phoenix_platform.analysis.verdicts import Conditions, judge
from phoenix_platform.cli.reports.subjects import Subject, subject_of
from phoenix_platform.metering.sample_columns import columns_of
from phoenix_platform.metering.samples import ProcessInstance, Sample, Variant

HOSTILE = "</title><script>alert(1)</script>\u202egnp.exe\x1b[31m\u0000 " + "x" * 10_000
"""A name that tries all at once: markup, a turned reading direction, control characters, length."""


def a_record(
    samples: Sequence[Sample],
    *,
    plan: Plan = PLAN,
    conditions: Conditions = AT_END,
    is_broken_off: bool = False,
    has_costs: bool = False,
    **changed: Any,
) -> dict[str, Any]:
    judgement = None if is_broken_off else judge(samples, plan, conditions)
    record = {
        "format": FORMAT,
        "id": "01970000-0000-7000-8000-000000000000",
        "phoenix_version": "0.1.0",
        "started_at": "2027-01-15T08:00:00.125Z",
        "ended_at": None if is_broken_off else "2027-01-15T08:10:00Z",
        "host": {"name": "a", "processors": 2, "memory_bytes": 2**34, "processes": 200},
        "collector": {"distribution": "phoenix-otelcol", "version": "0.1.0", "sha256": "ab" * 32},
        "plan": plan,
        "conditions": conditions,
        "options": {"exporter": None, "ignore": ["a", "b"], "seed": 0},
        "variants": {
            "baseline": a_variant("all-processes", {}),
            "candidate": a_variant("databases-only", {"filter/names": {"error_mode": "ignore"}}),
        },
        "notes": ["the trial's interval of 1 s stands for a collection_interval of 60 s"],
        "not_measured": [],
        "ignored": [],
        "counts": {"scrapes": len(samples) // 2},
        "usage": {"source": {"cpu_seconds": 12.5, "rss_bytes": 2**25}},
        "losses": [
            {"name": "cron", "processes": 12, "visible": {"baseline": 12, "candidate": 0}},
            {"name": "postgres", "processes": 1, "visible": {"baseline": 1, "candidate": 1}},
        ],
        "series_by_metric": {"baseline": {"process.cpu.time": 600}, "candidate": {}},
        "samples": columns_of(samples),
        "judgement": judgement,
        "costs": [estimate(samples, plan, book) for book in shipped_books()] if has_costs else [],
    }
    encoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record | changed))
    return encoded


def a_variant(name: str, processors: Mapping[str, Any]) -> dict[str, Any]:
    pipeline = {"receivers": ["hostmetrics"], "exporters": ["otlphttp"]}
    configuration: dict[str, Any] = {
        "receivers": {"hostmetrics": {"scrapers": {"process": {}}}},
        "exporters": {"otlphttp": {"endpoint": "https://example.com", "headers": "***"}},
        "service": {"pipelines": {"metrics": pipeline}},
    }
    if processors:
        configuration |= {"processors": dict(processors)}
        pipeline |= {"processors": list(processors)}
    return {
        "name": name,
        "content_hash": "sha256:" + "cd" * 32,
        "configuration": configuration,
        "config": configuration,
        "drops_with": list(processors),
    }


def a_subject(scrapes: int = 130, *, change: Change = unchanged, **changed: Any) -> Subject:
    record = a_record(run(scrapes, change=change), **changed)
    return subject_of(
        record, file_name="trial.json", commands=("phoenix record verify trial.json",)
    )


def missing_after(scrape: int, process: ProcessInstance) -> Change:
    """The candidate loses this critical process from that scrape on."""

    def change(sample: Sample) -> Sample | None:
        is_lost = sample.variant is Variant.CANDIDATE and sample.scrape >= scrape
        return replace(sample, critical_seen=(), critical_missing=(process,)) if is_lost else sample

    return change


def hostile_record(scrapes: int = 60) -> dict[str, Any]:
    """A record in which everything that others may name is hostile."""
    process = ProcessInstance(HOSTILE, 1, START)

    def change(sample: Sample) -> Sample | None:
        return replace(
            sample,
            host=HOSTILE,
            critical_seen=(process,),
            totals=dict.fromkeys([HOSTILE], *sample.totals.values()),
            visibility=dict.fromkeys([HOSTILE], *sample.visibility.values()),
        )

    samples = run(scrapes, change=change)
    variant = a_variant(HOSTILE, {HOSTILE: {HOSTILE: HOSTILE}})
    return a_record(
        samples,
        plan=replace(PLAN, critical_patterns=(HOSTILE,), max_duration=timedelta(minutes=1)),
        host={"name": HOSTILE},
        variants={"baseline": variant, "candidate": variant | {"drops_with": [HOSTILE]}},
        notes=[HOSTILE],
        not_measured=[HOSTILE],
        ignored=[HOSTILE],
        losses=[{"name": HOSTILE, "processes": 2, "visible": {"candidate": 0}}],
        series_by_metric={"candidate": {HOSTILE: 1}},
        options={HOSTILE: [HOSTILE]},
        counts={HOSTILE: 1},
        usage={HOSTILE: {"cpu_seconds": 1.0}},
        started_at=HOSTILE,
    )
