"""What the kept data can still tell: host totals, signals by name, the largest processes.

Kept per variant over the window, exactly. The same losses are guardrails of the candidate, as far as
the plan says so; `evidence` feeds both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from phoenix_platform.analysis.running import ExactSum, Percentile99
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
    errors: Percentile99 = field(default_factory=Percentile99)


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
                sums.errors.add(abs(total.output - total.raw) / total.raw)

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
                p99_error=sums.errors.value,
            )
            for (variant, metric), sums in sorted(self._sums.items())
        )


@dataclass(slots=True)
class _Names:
    samples: int = 0
    top: int = 0
    top_named: int = 0
    raw: ExactSum = field(default_factory=ExactSum)
    named: ExactSum = field(default_factory=ExactSum)
    effective_raw: ExactSum = field(default_factory=ExactSum)
    effective_lost: ExactSum = field(default_factory=ExactSum)

    def take(self, one: Visibility) -> None:
        self.samples += 1
        self.top += one.top
        self.top_named += one.top_named
        self.raw.add(one.raw)
        self.named.add(one.named)
        self.effective_raw.add(one.effective_raw)
        self.effective_lost.add(one.effective_raw - one.effective_named)


@dataclass(slots=True)
class NamesFidelity:
    """Coverage, recall and effective numbers per variant and signal over the samples so far."""

    _names: dict[tuple[Variant, str], _Names] = field(
        default_factory=dict[tuple[Variant, str], _Names]
    )

    def take(self, sample: Sample) -> None:
        for signal, visibility in sample.visibility.items():
            self._names.setdefault((sample.variant, signal), _Names()).take(visibility)

    def results(self) -> tuple[SignalFidelity, ...]:
        """By variant, then by signal."""
        return tuple(
            SignalFidelity(
                variant=variant,
                signal=signal,
                samples=names.samples,
                coverage=names.named.value / names.raw.value if names.raw.value > 0 else None,
                recall=names.top_named / names.top if names.top else None,
                effective_raw=names.effective_raw.value / names.samples,
                effective_lost=names.effective_lost.value / names.samples,
            )
            for (variant, signal), names in sorted(self._names.items())
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
