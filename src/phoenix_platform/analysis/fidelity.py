"""What the kept data can still tell: whether the sums over all processes survived the pipeline."""

from dataclasses import dataclass, field

from phoenix_platform.metering.samples import Sample, Variant


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


@dataclass(slots=True)
class _Sums:
    samples: int = 0
    broken: int = 0
    raw: float = 0.0
    absolute: float = 0.0
    signed: float = 0.0


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
            )
            for (variant, metric), sums in sorted(self._sums.items())
        )
