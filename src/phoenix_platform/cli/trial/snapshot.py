"""What every view of a running trial shows, gathered once per interval."""

from collections.abc import Mapping
from dataclasses import dataclass

from phoenix_platform.agent.trials import Trial, own_cpu_seconds, own_rss_bytes
from phoenix_platform.analysis.verdicts import Judgement
from phoenix_platform.metering.samples import Sample, Variant


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """What one process of the trial uses."""

    cores: float | None
    """CPU seconds per second since the source was started."""
    rss_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    elapsed_seconds: float
    """Since the source was started."""
    scrapes: int
    lost_scrapes: Mapping[Variant, int]
    """Scrapes that a variant was not given or did not take whole."""
    last: Mapping[Variant, Sample]
    """The newest sample of each variant; empty before the first."""
    judgement: Judgement | None
    """None before the first sample."""
    batches: Mapping[str, int]
    """Full batches that the bounds of a guardrail are made of; not in it are those without bounds."""
    use: Mapping[str, ProcessUse]
    """By collector, and `meter` for this process."""
    host_cpu_share: float | None


def take_snapshot(
    trial: Trial,
    last: Mapping[Variant, Sample],
    judgement: Judgement | None,
    *,
    batches: Mapping[str, int],
    elapsed_seconds: float,
    host_cpu_share: float | None,
) -> Snapshot:
    seconds = max(elapsed_seconds, 1e-9)
    first = trial.seen.first_usage
    use = {
        name: ProcessUse(
            (usage.cpu_seconds - first[name].cpu_seconds) / seconds if name in first else None,
            usage.rss_bytes,
        )
        for name, usage in trial.usage().items()
    }
    own_cores = (own_cpu_seconds() - trial.seen.first_own_cpu_seconds) / seconds
    use["meter"] = ProcessUse(own_cores, own_rss_bytes())
    return Snapshot(
        elapsed_seconds=elapsed_seconds,
        scrapes=trial.seen.scrapes,
        lost_scrapes={
            variant: relay.lost_scrapes + relay.refused_scrapes
            for variant, relay in trial.relays.items()
        },
        last=dict(last),
        judgement=judgement,
        batches=batches,
        use=use,
        host_cpu_share=host_cpu_share,
    )
