"""What the kept data can still tell: host totals, signals by name, the largest processes.

Kept per variant over the window, exactly. The same losses are guardrails of the candidate, as far as
the plan says so; `evidence` feeds both.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from phoenix_platform.core.units import show_share
from phoenix_platform.metering.samples import Sample, Variant, Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFidelity:
    """How well one variant kept the host totals T of one additive metric; T' is what it let out."""

    variant: Variant
    metric: str
    samples: int
    """Samples with a total of this metric."""
    broken_samples: int
    """Of these, where T' differs from T by more than rounding."""
    raw_total: float
    """ΣT, in the metric's unit."""
    wape: float | None
    """Σ|T'-T| / ΣT; None where ΣT is 0."""
    bias: float | None
    """Σ(T'-T) / ΣT; None where ΣT is 0."""
    p99_error: float | None
    """99th percentile over samples of |T'-T| / T (nearest rank); None where every T is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFidelity:
    """How much of one signal one variant still shows by name."""

    variant: Variant
    signal: str
    """`cpu`, `rss` or `io`."""
    samples: int
    coverage: float | None
    """Share of the signal in processes that kept their name; None where there was none of it."""
    recall: float | None
    """Share of the raw ten largest processes of each sample that kept their name."""
    effective_raw: float
    """exp(H) of the processes' shares, mean over samples: how many processes the signal is in."""
    effective_lost: float
    """By how much that number falls when all processes without their name are one."""


@dataclass(slots=True)
class _Sums:
    samples: int = 0
    broken: int = 0
    raw: float = 0.0
    absolute: float = 0.0
    signed: float = 0.0
    errors: list[float] = field(default_factory=list[float])


@dataclass(slots=True)
class TotalsFidelity:
    """Conservation per variant and metric over the samples taken so far."""

    _sums: dict[tuple[Variant, str], _Sums] = field(
        default_factory=dict[tuple[Variant, str], _Sums]
    )

    def take(self, sample: Sample) -> None:
        for metric, total in sample.totals.items():
            sums = self._sums.setdefault((sample.variant, metric), _Sums())
            sums.samples += 1
            sums.broken += not total.is_conserved
            sums.raw += total.raw
            sums.absolute += abs(total.output - total.raw)
            sums.signed += total.output - total.raw
            if total.raw > 0:
                sums.errors.append(abs(total.output - total.raw) / total.raw)

    def results(self) -> tuple[MetricFidelity, ...]:
        """By variant, then by metric name."""
        return tuple(
            MetricFidelity(
                variant=variant,
                metric=metric,
                samples=sums.samples,
                broken_samples=sums.broken,
                raw_total=sums.raw,
                wape=sums.absolute / sums.raw if sums.raw > 0 else None,
                bias=sums.signed / sums.raw if sums.raw > 0 else None,
                p99_error=_percentile_99(sums.errors),
            )
            for (variant, metric), sums in sorted(self._sums.items())
        )


@dataclass(slots=True)
class NamesFidelity:
    """Coverage, recall and effective numbers per variant and signal over the samples so far."""

    _seen: dict[tuple[Variant, str], list[Visibility]] = field(
        default_factory=dict[tuple[Variant, str], list[Visibility]]
    )

    def take(self, sample: Sample) -> None:
        for signal, visibility in sample.visibility.items():
            self._seen.setdefault((sample.variant, signal), []).append(visibility)

    def results(self) -> tuple[SignalFidelity, ...]:
        """By variant, then by signal."""
        return tuple(
            _signal_fidelity(variant, signal, seen)
            for (variant, signal), seen in sorted(self._seen.items())
        )


def _signal_fidelity(variant: Variant, signal: str, seen: Sequence[Visibility]) -> SignalFidelity:
    raw, top = math.fsum(one.raw for one in seen), sum(one.top for one in seen)
    return SignalFidelity(
        variant=variant,
        signal=signal,
        samples=len(seen),
        coverage=math.fsum(one.named for one in seen) / raw if raw > 0 else None,
        recall=sum(one.top_named for one in seen) / top if top else None,
        effective_raw=math.fsum(one.effective_raw for one in seen) / len(seen),
        effective_lost=math.fsum(one.effective_raw - one.effective_named for one in seen)
        / len(seen),
    )


def show_lost_totals(results: Sequence[MetricFidelity], most: float) -> str:
    """`process.cpu.time −62.0 %`, of the candidate's totals whose error is above `most`; may be empty."""
    lost: Mapping[str, float] = {
        one.metric: one.bias
        for one in results
        if one.variant is Variant.CANDIDATE
        if one.wape is not None and one.bias is not None and one.wape > most
    }
    return ", ".join(f"{metric} {show_share(bias)}" for metric, bias in lost.items())


def _percentile_99(errors: Sequence[float]) -> float | None:
    rank = math.ceil(0.99 * len(errors))
    return sorted(errors)[rank - 1] if errors else None
