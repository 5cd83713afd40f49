"""Numbers of a trial as people read them; one spelling for the live view, the lines and the summary."""

from collections.abc import Mapping

from phoenix_platform.analysis.fidelity import SignalFidelity
from phoenix_platform.analysis.reductions import ReductionState
from phoenix_platform.analysis.verdicts import Verdict
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.core.units import show_bytes, show_share
from phoenix_platform.metering.samples import Sample, Variant

HEADLINE_OF = {
    Verdict.PROMOTE: "PROMOTE: the candidate saves what was asked for and keeps every guardrail",
    Verdict.STOP_FUTILE: "STOP: the candidate does not save what was asked for",
    Verdict.ABORT: "ABORT: the candidate broke a guardrail",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE: no decision within the time",
    Verdict.INVALID: "INVALID: this run proves nothing either way",
}

IO_METRICS = ("process.disk.io", "process.disk.operations")


def change(reduction: float | None) -> str:
    """A reduction as the change it is: 0.83 reads `−83.0 %`."""
    return NO_DATA if reduction is None else show_share(-reduction + 0.0)


def bounds(state: ReductionState) -> str:
    """What the longer run saves, from the last batch end."""
    look = state.last_look
    if look is None or look.reduction_low is None or look.reduction_high is None:
        return "too early"
    return f"{change(look.reduction_high)} to {change(look.reduction_low)}"


def cores(value: float | None) -> str:
    return NO_DATA if value is None else f"{100 * value:.1f} %"


def memory(value: int | None) -> str:
    return NO_DATA if value is None else show_bytes(value)


def count(value: float | None) -> str:
    """`1 234 567`, with narrow spaces between the groups."""
    return NO_DATA if value is None else f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def total_error(sample: Sample, metric: str) -> str:
    """How far the output's host total of one interval is from the raw one."""
    total = sample.totals.get(metric)
    if total is None or total.raw == 0:
        return NO_DATA
    return "exact" if total.is_conserved else show_share((total.output - total.raw) / total.raw)


def metric_label(metric: str) -> str:
    """What a metric is called where people may take it for something else."""
    if metric in IO_METRICS:
        return f"{metric} (system-call I/O of readable processes, cache included)"
    return metric


def by_name(fidelity: SignalFidelity | None) -> str:
    """`38.2 %, 71.0 %`: coverage, and recall of the ten largest."""
    if fidelity is None or fidelity.coverage is None or fidelity.recall is None:
        return NO_DATA
    return f"{show_share(fidelity.coverage)}, {show_share(fidelity.recall)}"


def effective_numbers(fidelity_of: Mapping[Variant, SignalFidelity]) -> str:
    """`42.0 raw, 12.3 behind the candidate`."""
    one = fidelity_of.get(Variant.CANDIDATE)
    if one is None:
        return NO_DATA
    kept = one.effective_raw - one.effective_lost
    return f"{one.effective_raw:.1f} raw, {kept:.1f} behind the candidate"
