"""What is known of a running trial beside its samples: for the record of a trial, and for a host's report."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from phoenix_platform.agent.trials import (
    SOURCE,
    Trial,
    own_cpu_seconds,
    own_rss_bytes,
    variant_of,
)
from phoenix_platform.metering.instances import NameLoss
from phoenix_platform.metering.samples import Variant

_MOST_LOSSES: Final = 20
"""Names in a report: it is sent again and again."""


def counts_of(trial: Trial) -> dict[str, int]:
    """Scrapes that were made, and those that did not arrive whole."""
    return {
        "scrapes": trial.seen.scrapes,
        **asdict(trial.meter.irregularities),
        **{
            f"{variant}_lost_scrapes": relay.lost_scrapes for variant, relay in trial.relays.items()
        },
        **{
            f"{variant}_refused_scrapes": relay.refused_scrapes
            for variant, relay in trial.relays.items()
        },
        "put_aside_bytes": trial.seen.put_aside_bytes,
    }


def usage_of_all(trial: Trial) -> dict[str, dict[str, float | int | None]]:
    """CPU seconds since the source started and resident bytes now, by collector and the meter."""
    usage = trial.usage()
    result: dict[str, dict[str, float | int | None]] = {
        name: {
            "cpu_seconds": usage[name].cpu_seconds - trial.seen.first_usage[name].cpu_seconds,
            "rss_bytes": usage[name].rss_bytes,
        }
        for name in (SOURCE, *Variant)
        if name in usage and name in trial.seen.first_usage
    }
    result["meter"] = {
        "cpu_seconds": own_cpu_seconds() - trial.seen.first_own_cpu_seconds,
        "rss_bytes": own_rss_bytes(),
    }
    return result


def facts_of(trial: Trial) -> Mapping[str, Any]:
    """Plain values for a host's report: what the certificate says of this host."""
    topology = trial.topology
    losses = sorted(
        (one for one in trial.meter.losses() if _lost_in(one) > 0), key=_lost_in, reverse=True
    )
    return {
        "notes": list(topology.notes),
        "ignored": list(topology.ignored),
        "not_measured": list(topology.not_measured),
        "stand_ins": {
            variant.value: list(variant_of(topology, variant).stand_ins) for variant in Variant
        },
        "drops_with": list(topology.candidate.drops_with),
        "relay_every": topology.candidate.relay_every,
        "counts": counts_of(trial),
        "usage": usage_of_all(trial),
        "losses": [asdict(loss) for loss in losses[:_MOST_LOSSES]],
    }


def _lost_in(loss: NameLoss) -> int:
    """Processes of this name that the baseline showed one by one and the candidate did not."""
    return loss.visible[Variant.BASELINE] - loss.visible[Variant.CANDIDATE]
