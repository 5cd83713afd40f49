"""How the meter and the collectors bear a long run: `phoenix trial`'s own parts under high churn, their memory over time.

    python bench/soak.py --minutes 30 --processes 1500 --candidate process-topk-v1

Samples are counted and let go, so that what grows in this process is the meter alone. Called by hand, not by `make bench`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from phoenix_platform.agent.binaries import find_collector
from phoenix_platform.agent.load.profiles import Limits, profile_named
from phoenix_platform.agent.load.simulation import LoadSimulation
from phoenix_platform.agent.settings import AgentSettings, process_environment
from phoenix_platform.agent.trial_starts import running_trial
from phoenix_platform.agent.trials import TrialSettings, own_rss_bytes
from phoenix_platform.agent.usage import Usage
from phoenix_platform.cli.pipelines.references import read_pipeline
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.ids import new_id
from phoenix_platform.metering.patterns import parse_pattern
from phoenix_platform.metering.samples import Sample, Variant

MEBIBYTE: Final = 2**20
METER: Final = "meter"
WARM_UP_SECONDS: Final = 300.0
"""Interpreter, arenas and the series of the standing population settle in the first minutes."""


@dataclass(slots=True)
class Seen:
    """What happened, and the memory of the meter and of both collectors at each interval."""

    samples: Counter[Variant] = field(default_factory=Counter[Variant])
    unacknowledged: Counter[Variant] = field(default_factory=Counter[Variant])
    critical_missing: int = 0
    broken_totals: Counter[Variant] = field(default_factory=Counter[Variant])
    points: int = 0
    late_points: int = 0
    colliding_points: int = 0
    processes: list[int] = field(default_factory=list[int])
    seconds: list[float] = field(default_factory=list[float])
    rss: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """Bytes by who holds them: `meter`, `baseline`, `candidate`."""

    def take_memory(self, elapsed: float, use: Mapping[str, Usage]) -> None:
        """Note the moment, unless a collector is gone: then the trial ends anyway."""
        if all(variant in use for variant in Variant):
            self.seconds.append(elapsed)
            self.rss.setdefault(METER, []).append(own_rss_bytes())
            for variant in Variant:
                self.rss.setdefault(variant.value, []).append(use[variant].rss_bytes)

    def take(self, sample: Sample) -> None:
        self.samples[sample.variant] += 1
        self.unacknowledged[sample.variant] += not sample.acknowledged
        self.critical_missing += len(sample.critical_missing)
        self.broken_totals[sample.variant] += any(
            not total.is_conserved for total in sample.totals.values()
        )
        self.late_points += sample.late_points
        self.colliding_points += sample.colliding_points
        if sample.variant is Variant.BASELINE:
            self.points += sample.input_points
            self.processes.append(sample.raw_processes)


async def soak(arguments: argparse.Namespace) -> dict[str, object]:
    clock, environment = SystemClock(), process_environment()
    binary = find_collector(None, AgentSettings())
    limits = Limits.of(profile_named(arguments.profile), processes=arguments.processes)
    seen, loads = Seen(), LoadSimulation(arguments.profile, seed=1, limits=limits)
    settings = TrialSettings(
        host="soak",
        binary=binary.path,
        target=binary.target,
        baseline=read_pipeline("process-baseline-v1"),
        candidate=read_pipeline(arguments.candidate),
        interval=timedelta(seconds=1),
        critical=(parse_pattern("phx-db", field="critical"),),
        environment=environment,
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(loads)
        trial = await stack.enter_async_context(
            running_trial(settings, run_id=str(new_id(clock)), clock=clock, progress=_say)
        )
        began = time.monotonic()
        async for samples in trial.intervals():
            for sample in samples:
                seen.take(sample)
            elapsed = time.monotonic() - began
            seen.take_memory(elapsed, trial.usage())
            if len(seen.seconds) % 60 == 0:
                now = ", ".join(f"{who} {rss[-1] / MEBIBYTE:.1f}" for who, rss in seen.rss.items())
                _say(f"{elapsed / 60:.0f} min; MiB: {now}")
            if elapsed >= 60 * arguments.minutes:
                break
        facts = {
            "scrapes": trial.seen.scrapes,
            "lost_scrapes": {str(one): relay.lost_scrapes for one, relay in trial.relays.items()},
            "refused_scrapes": {
                str(one): relay.refused_scrapes for one, relay in trial.relays.items()
            },
            "irregularities": repr(trial.meter.irregularities),
        }
    return {**_result(seen), **facts}


def _result(seen: Seen) -> dict[str, object]:
    return {
        "minutes": round(seen.seconds[-1] / 60, 1),
        "processes_median": float(np.median(seen.processes)),
        "raw_points": seen.points,
        "samples": {str(key): value for key, value in seen.samples.items()},
        "unacknowledged": {str(key): value for key, value in seen.unacknowledged.items()},
        "samples_with_broken_totals": {
            str(key): value for key, value in seen.broken_totals.items()
        },
        "critical_missing": seen.critical_missing,
        "late_points": seen.late_points,
        "colliding_points": seen.colliding_points,
        "memory": {who: _memory(np.array(seen.seconds), rss) for who, rss in seen.rss.items()},
    }


def _memory(seconds: NDArray[np.float64], rss_bytes: Sequence[int]) -> dict[str, object]:
    """Level and slope after the warm-up, MiB; the slope with its 95 % bounds."""
    rss = np.array(rss_bytes) / MEBIBYTE
    late = seconds >= min(WARM_UP_SECONDS, seconds[-1] / 3)
    # The median of each minute: single readings jump with the allocator, and neighbours depend on each other.
    minutes = np.unique(seconds[late] // 60)
    medians = np.array([np.median(rss[late & (seconds // 60 == minute)]) for minute in minutes])
    fit = stats.linregress(minutes, medians)
    half = stats.t.ppf(0.975, len(minutes) - 2) * fit.stderr
    return {
        "after_warm_up": round(float(medians[0]), 2),
        "at_end": round(float(medians[-1]), 2),
        "most": round(float(rss.max()), 2),
        "slope_per_hour": round(60 * float(fit.slope), 2),
        "slope_95_percent": [round(60 * float(fit.slope + side * half), 2) for side in (-1, 1)],
        "by_minute": [round(float(value), 1) for value in medians],
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--processes", type=int, default=1500)
    parser.add_argument("--profile", default="high-churn")
    parser.add_argument("--candidate", default="process-aggregated-stock-v1")
    parser.add_argument("--to", type=Path)
    arguments = parser.parse_args()
    result = json.dumps(asyncio.run(soak(arguments)), indent=1)
    print(result)
    if arguments.to is not None:
        arguments.to.write_text(result + "\n", "utf-8")


if __name__ == "__main__":
    main()
