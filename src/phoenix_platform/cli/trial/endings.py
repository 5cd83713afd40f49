"""What ended a trial, and what a reader must know beside the evidence; `run` asks.

The samples tell what came out. Why nothing came out, who refused and what a collector wrote last stand
here.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from phoenix_platform.agent.supervision import MOST_LAST_LINES, CollectorFailedError
from phoenix_platform.agent.trials import Trial
from phoenix_platform.analysis.verdicts import Judgement, Verdict
from phoenix_platform.metering.expressions import ForeignExpressionError, compile_alike
from phoenix_platform.metering.instances import OTHER_NAMES
from phoenix_platform.metering.samples import Sample, Variant
from phoenix_platform.pipelines.kept_names import kept_names

_MOST_NAMES: Final = 8
"""Listed in a sentence; a filter may have hundreds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What ended the trial, where it was not the evidence or the time."""

    invalid_because: str | None = None
    aborted_because: str | None = None
    log_lines: tuple[str, ...] = ()
    """The last of the collector that failed."""

    @classmethod
    def of_failure(cls, error: CollectorFailedError) -> "Ending":
        """The candidate's own failure is a finding about it; that of anything else spoils the run."""
        sentence = f"{error}."
        if error.collector == Variant.CANDIDATE:
            return cls(aborted_because=sentence, log_lines=error.log_lines)
        return cls(invalid_because=sentence, log_lines=error.log_lines)


def notes_of(
    trial: Trial, samples: Sequence[Sample], ending: Ending, judgement: Judgement
) -> list[str]:
    """Sentences beside the verdict, those on a failure first."""
    return [
        *_rules_behind(trial, samples),
        *_last_words(trial, ending, judgement),
        *_refusals(trial),
        *_stand_ins(trial),
    ]


def _last_words(trial: Trial, ending: Ending, judgement: Judgement) -> list[str]:
    """What the collector that failed wrote last; the candidate's, when it broke a guardrail."""
    lines: Sequence[str] = ending.log_lines
    if not lines and judgement.verdict is Verdict.ABORT:
        lines = trial.collectors[Variant.CANDIDATE].log_tail[-MOST_LAST_LINES:]
    stopped = sorted(trial.stopped())
    return [
        *(f"the process of the {name} collector is stopped, as by SIGSTOP" for name in stopped),
        *(f"last log line: {line}" for line in lines),
    ]


def _refusals(trial: Trial) -> list[str]:
    """What the variants did not take, and why: unpaired intervals have no other explanation."""
    return [
        f"the {variant} did not take {relay.lost_scrapes + relay.refused_scrapes} scrapes whole; the last "
        f"time: {relay.last_refusal or 'it was more than eight scrapes behind'}"
        for variant, relay in trial.relays.items()
        if relay.lost_scrapes + relay.refused_scrapes
    ]


def _stand_ins(trial: Trial) -> list[str]:
    """Which processors of a variant are ours, and that their CPU is in its collector's."""
    topology = trial.topology
    return [
        f"CPU of the {variant} includes {', '.join(names)}, which stand in for settings of its receiver; "
        "not measured apart"
        for variant, names in (
            (Variant.BASELINE, topology.baseline.stand_ins),
            (Variant.CANDIDATE, topology.candidate.stand_ins),
        )
        if names
    ]


def _rules_behind(trial: Trial, samples: Sequence[Sample]) -> list[str]:
    """Which processors may have dropped a critical process, if one is missing."""
    missing = any(
        sample.critical_missing for sample in samples if sample.variant is Variant.CANDIDATE
    )
    rules = ", ".join(trial.topology.candidate.drops_with) or "none that we know"
    return [f"processors of the candidate that drop or merge processes: {rules}"] if missing else []


def ending_of(trial: Trial, samples: Sequence[Sample], verdict: Verdict) -> Ending:
    """Why it came to this verdict, where the samples alone do not tell."""
    match verdict:
        case Verdict.ABORT:
            return Ending(aborted_because=_kept_nothing(trial, samples))
        case Verdict.INVALID:
            return Ending(aborted_because=_turned_away(trial, samples))
        case _:
            return Ending()


def _turned_away(trial: Trial, samples: Sequence[Sample]) -> str | None:
    """Why intervals are unpaired: a candidate that refuses what the baseline takes and lets out."""
    if not any(one.output_points for one in samples[-len(Variant) :]):
        return None  # both were held up in the end
    relays = trial.relays
    refused = relays[Variant.CANDIDATE].turned_away_scrapes
    others = relays[Variant.BASELINE].refused_scrapes + relays[Variant.BASELINE].lost_scrapes
    if not refused or others:
        return None
    return (
        f"The candidate itself refused {refused} of {trial.seen.scrapes} scrapes, of which the baseline "
        f"took every one; the last time with {relays[Variant.CANDIDATE].last_refusal}."
    )


def _kept_nothing(trial: Trial, samples: Sequence[Sample]) -> str | None:
    """Why a candidate that works well was aborted: its own rules keep nothing of this host."""
    let_out = [one for one in samples if one.variant is Variant.CANDIDATE]
    rules = trial.topology.candidate.drops_with
    is_empty = let_out and not any(one.output_points or one.dropped_points for one in let_out)
    if not (rules and is_empty and all(one.acknowledged for one in let_out)):
        return None
    return kept_nothing_sentence(
        rules,
        kept_names(trial.settings.candidate, rules),
        {loss.name for loss in trial.meter.losses()},
    )


def kept_nothing_sentence(
    rules: Sequence[str], kept: Collection[str], running: Collection[str]
) -> str:
    """Why nothing comes out of a candidate that takes every scrape.

    Args:
        rules: Ids of its processors that may drop processes.
        kept: The names that it keeps, expressions as `/expression/`; empty if it does not choose by name.
        running: Executable names of the scrapes.
    """
    began = "The candidate took every scrape and let nothing out: "
    way_out = "Name processes that run here in it, or try it where they run."
    if kept and not any(_may_run(name, running) for name in kept):
        names = sorted(kept)
        more = len(names) - _MOST_NAMES
        listed = ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
        return (
            f"{began}none of the names in its filter ({', '.join(rules)}) runs on this host: {listed}. "
            f"{way_out}"
        )
    return (
        f"{began}no process on this host is among those that its rules keep ({', '.join(rules)}). "
        f"{way_out}"
    )


def _may_run(name: str, running: Collection[str]) -> bool:
    """False only if it surely does not: of names beyond the bound only their number is known."""
    if OTHER_NAMES in running:
        return True
    if not (len(name) > 1 and name.startswith("/") and name.endswith("/")):
        return name in running
    try:
        expression = compile_alike(name[1:-1])
    except (ForeignExpressionError, re.error):
        return True
    return any(expression.search(one) for one in running)
