"""What the records of the trials say, as the data that the catalog keeps of each entry.

Called by `catalog_table.py`. Every figure is read from a record, whose judgement is reached again first.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from scripts.catalog_trials import BASELINE, Case, cases

from phoenix_platform.analysis.plans import Objective
from phoenix_platform.cli.records import read_record
from phoenix_platform.cli.reports.subjects import Subject, of_variant, subject_of
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.units import show_bytes
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.catalog_effects import (
    Conditions,
    Effect,
    Effects,
    Saved,
    TotalError,
    Use,
)


def effects_in(folder: Path) -> Effects:
    """Everything the records of a folder say; a trial without a record has no effect.

    Raises:
        InvalidInputError: If there is no record, one is not of the catalog as it is now or contradicts
            itself, or the records are not of one kind.
    """
    subjects = {case: _subject(case, folder) for case in cases() if case.record(folder).exists()}
    if not subjects:
        raise InvalidInputError(f"--from: {folder} holds no record of a trial of the catalog")
    entries = {
        name: tuple(_effect(case, one) for case, one in subjects.items() if case.entry == name)
        for name in catalog.names()
    }
    return Effects(conditions=_conditions(list(subjects.values()), folder), entries=entries)


def _subject(case: Case, folder: Path) -> Subject:
    path = case.record(folder)
    subject = subject_of(read_record(path), file_name=path.name)
    names = {Variant.BASELINE: BASELINE, Variant.CANDIDATE: case.entry}
    for variant, name in names.items():
        recorded, now = subject.trial.variants[variant], catalog.get(name).configuration.hash
        if (recorded.name, recorded.content_hash) != (name, now):
            raise InvalidInputError(f"{path}: its {variant} is not {name} as it is now; remove it")
    if subject.contradictions:
        raise InvalidInputError(f"{path} contradicts itself: {'; '.join(subject.contradictions)}")
    return subject


def _conditions(subjects: Sequence[Subject], folder: Path) -> Conditions:
    facts: dict[str, Any] = json.loads((folder / "conditions.json").read_text("utf-8"))
    host = subjects[0].trial.host
    if host is None:
        raise InvalidInputError(
            f"{folder}: the record of an experiment; the table is made of trials"
        )
    memory = f", {show_bytes(host.memory_bytes)}" if host.memory_bytes else ""
    return Conditions(
        date=max(one.trial.started_at or "" for one in subjects)[:10],
        machine=f"{facts['processor'] or 'unknown processor'}, {host.processors} processors{memory}",
        collector=_only(
            {
                f"{one.trial.collector.distribution} {one.trial.collector.version}"
                for one in subjects
            }
        ),
        interval_seconds=_only({one.trial.conditions.interval.total_seconds() for one in subjects}),
        most_seconds=max(round(one.trial.plan.max_duration.total_seconds()) for one in subjects),
        seed=_only({one.trial.options["seed"] for one in subjects}),
        at_once=facts["at_once"],
        is_isolated=facts["is_isolated"],
    )


def _only(values: set[Any]) -> Any:
    if len(values) != 1:
        raise InvalidInputError(
            f"--from: the records differ in what must be the same, {sorted(map(str, values))}; "
            "remove the older ones"
        )
    return values.pop()


def _effect(case: Case, subject: Subject) -> Effect:
    judgement = subject.judgement
    samples = {
        variant: [one for interval in subject.intervals for one in of_variant(interval, variant)]
        for variant in Variant
    }
    processes = [one.raw_processes for one in samples[Variant.BASELINE]]
    return Effect(
        profile=case.profile,
        verdict=str(judgement.verdict),
        seconds=round(subject.seconds),
        intervals=judgement.paired,
        processes=round(median(processes)) if processes else 0,
        series=_saved(subject, Objective.SERIES),
        points=_saved(subject, Objective.POINTS),
        totals={
            one.metric: TotalError(wape=_rounded(one.wape), broken=one.broken_samples)
            for one in judgement.fidelity
            if one.variant is Variant.CANDIDATE
        },
        critical_checks=judgement.assurance.checks,
        critical_misses=judgement.assurance.misses,
        cores=_use(samples, lambda found: _cores(found, subject)),
        rss_bytes=_use(samples, _rss),
    )


def _saved(subject: Subject, objective: Objective) -> Saved:
    state = next(one for one in subject.judgement.reductions if one.objective is objective)
    look = state.last_look
    return Saved(
        window=_rounded(state.window_reduction),
        low=_rounded(look.reduction_low) if look else None,
        high=_rounded(look.reduction_high) if look else None,
    )


def _use(samples: dict[Variant, list[Sample]], of: Callable[[list[Sample]], float | None]) -> Use:
    return Use(baseline=of(samples[Variant.BASELINE]), candidate=of(samples[Variant.CANDIDATE]))


def _cores(samples: Sequence[Sample], subject: Subject) -> float | None:
    measured = [(one.cpu_seconds, one.scrapes) for one in samples if one.cpu_seconds is not None]
    if not measured:
        return None
    scrapes = sum(count for _, count in measured)
    interval = subject.trial.conditions.interval.total_seconds()
    return _rounded(sum(seconds for seconds, _ in measured) / (scrapes * interval))


def _rss(samples: Sequence[Sample]) -> float | None:
    measured = [one.rss_bytes for one in samples if one.rss_bytes is not None]
    return float(round(median(measured))) if measured else None


def _rounded(value: float | None) -> float | None:
    """To six digits behind the point: what a page or a reader of the data can use."""
    return None if value is None else round(value, 6)


def as_data(effects: Effects) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(effects)
    return data
