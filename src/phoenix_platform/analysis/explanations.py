"""The sentences of a judgement: for somebody who decides, with the numbers that decided."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from phoenix_platform.analysis.fidelity import MetricFidelity, show_lost_totals
from phoenix_platform.analysis.guardrails import GuardrailResult, GuardrailStatus
from phoenix_platform.analysis.hosts import FEWEST_HOSTS, HostConclusion, HostStatement
from phoenix_platform.analysis.losses import LOSS_INTERVALS
from phoenix_platform.analysis.lost_metrics import LostMetric
from phoenix_platform.analysis.plans import Objective, Plan
from phoenix_platform.analysis.reductions import Look, ReductionState
from phoenix_platform.core.units import show_duration, show_share

NOUN_OF: Final = {
    Objective.POINTS: "data points",
    Objective.SERIES: "series",
    Objective.BYTES: "stored bytes",
}

_RELATION_OF: Final = {
    HostConclusion.MORE: "more than",
    HostConclusion.LESS: "less than",
    HostConclusion.OPEN: "which may be more or less than",
}


def window_sentence(state: ReductionState) -> str:
    noun = NOUN_OF[state.objective]
    if not state.intervals:
        return "No interval was compared yet."
    if state.window_reduction is None:
        return f"In this window the baseline let out no {noun}."
    return (
        f"In this window the candidate let out {show_share(abs(state.window_reduction))} "
        f"{'fewer' if state.window_reduction >= 0 else 'more'} {noun} than the baseline (exact, "
        f"{state.intervals} intervals)."
    )


def bounds_sentence(state: ReductionState, plan: Plan) -> str:
    """What the last batch end says about the longer run."""
    noun, target = NOUN_OF[state.objective], show_share(plan.target_reduction)
    match state.last_look:
        case Look(reduction_low=float(low), reduction_high=float(high)) as look:
            bounds = f"between {show_share(low)} and {show_share(high)}"
            if look.is_above(plan.target_reduction):
                relation = f"more than the {target} asked for"
            elif look.is_below(plan.target_reduction):
                relation = f"less than the {target} asked for"
            else:
                relation = f"which may be more or less than the {target} asked for"
            return f"For the longer run it saves {bounds} of the {noun}, {relation}."
        case _:
            return f"For the longer run the saving of {noun} has no bounds yet."


def guardrails_sentence(guardrails: Sequence[GuardrailResult]) -> str:
    """For a promotion: which hold, and which were not measured."""
    held = _names([g for g in guardrails if g.status is GuardrailStatus.PASS])
    left_out = _names([g for g in guardrails if g.status is GuardrailStatus.NOT_MEASURED])
    accepted = _names([g for g in guardrails if g.status is GuardrailStatus.ACCEPTED])
    sentence = f"All measured guardrails hold: {held}." if held else "No guardrail was measured."
    if held and left_out:
        sentence += f" Not measured: {left_out}."
    return f"{sentence} Accepted as lost: {accepted}." if accepted else sentence


def lost_totals_sentences(fidelity: Sequence[MetricFidelity], plan: Plan) -> list[str]:
    """What a manager must know beside the saving: sums over all processes that are not whole any more."""
    lost = show_lost_totals(fidelity, plan.max_wape)
    by = "; accepted by --accept-lost-totals" if plan.may_lose_totals else ""
    return [f"Sums over all processes are not whole any more: {lost}{by}."] if lost else []


def lost_metrics_sentences(lost: Sequence[LostMetric]) -> list[str]:
    """What cannot be asked any more of processes that stay visible."""
    metrics = ", ".join(_lost_metric(one) for one in lost)
    return (
        [f"Metrics that critical processes lost, though they stay visible: {metrics}."]
        if lost
        else []
    )


def _lost_metric(lost: LostMetric) -> str:
    others = f" and {lost.processes - 1} more at once" if lost.processes > 1 else ""
    return f"{lost.metric} (of {lost.process}, pid {lost.pid}{others})"


def hosts_sentence(statement: HostStatement, plan: Plan) -> str:
    """What the run says about other hosts, which is a statement of its own."""
    hosts, low, high = statement.hosts, statement.reduction_low, statement.reduction_high
    if low is None or high is None:
        return f"Of other hosts it says nothing: not enough hosts ({hosts} of at least {FEWEST_HOSTS})."
    return (
        f"On other hosts like these {hosts} it saves between {show_share(low)} and {show_share(high)} "
        f"on average, {_RELATION_OF[statement.conclusion]} the {show_share(plan.target_reduction)} "
        "asked for."
    )


def scope_sentence(window: timedelta, plan: Plan) -> str:
    covered = show_duration(window.total_seconds())
    if plan.min_duration is None:
        return f"The run covered {covered}; it speaks for a first stage, not for the whole fleet."
    needed = show_duration(plan.min_duration.total_seconds())
    if window < plan.min_duration:
        return (
            f"The run covered {covered}; below {needed} it speaks for a first stage, not for the "
            f"whole fleet."
        )
    return f"The run covered {covered}, at least the {needed} that a verdict for the fleet needs."


def scope_needed_sentences(window: timedelta, plan: Plan) -> list[str]:
    """What a promotion needs to speak for the fleet; nothing if it does."""
    if plan.min_duration is None:
        return ["For a verdict on the whole fleet: an experiment on its hosts."]
    if window < plan.min_duration:
        needed = show_duration(plan.min_duration.total_seconds())
        return [f"For a verdict on the whole fleet: a run of {needed} at least."]
    return []


def unpaired_sentence(*, paired: int, unpaired: int, plan: Plan) -> str:
    share = show_share(unpaired / max(1, paired + unpaired))
    return (
        f"{unpaired} of {paired + unpaired} intervals ({share}) were not seen whole by both variants; "
        f"above {show_share(plan.max_unpaired_share)} they cannot be compared."
    )


def held_up_sentence() -> str:
    return (
        f"Nothing came out of either variant in {LOSS_INTERVALS} intervals in a row: the host or the meter "
        "held them up, not the candidate itself."
    )


def broken_sentences(guardrails: Sequence[GuardrailResult]) -> list[str]:
    return [g.reason for g in guardrails if g.status is GuardrailStatus.ABORT]


def blocking_sentences(guardrails: Sequence[GuardrailResult]) -> list[str]:
    """What stands between a sufficient saving and its promotion."""
    return [
        f"Guardrail {g.name.replace('_', ' ')}: {g.reason}"
        for g in guardrails
        if not g.lets_promote
    ]


def needed_sentences(
    state: ReductionState,
    guardrails: Sequence[GuardrailResult],
    *,
    plan: Plan,
    interval: timedelta,
) -> list[str]:
    """What is missing for a verdict, and when it can come first."""
    needed: list[str] = []
    look = state.last_look
    at = state.verdict_possible_at
    until_then = (at - state.intervals) * interval
    if look is None or look.reduction_low is None:
        needed.append(
            f"A first verdict is possible after {at} intervals, in about "
            f"{show_duration(until_then.total_seconds())} at the correlation seen so far."
        )
    elif look.is_above(plan.target_reduction):
        needed.append(
            f"The saving is large enough; it is judged again with the guardrails after "
            f"{state.next_look_in} intervals."
        )
    else:
        needed.append(
            f"The bounds must leave out {show_share(plan.target_reduction)}; they change next after "
            f"{state.next_look_in} intervals."
        )
    if at * interval > plan.max_duration:
        needed.append(
            f"That is beyond the maximum duration of "
            f"{show_duration(plan.max_duration.total_seconds())}: allow a longer run."
        )
    return needed + blocking_sentences(guardrails)


def _names(guardrails: Sequence[GuardrailResult]) -> str:
    return ", ".join(g.name.replace("_", " ") for g in guardrails)
