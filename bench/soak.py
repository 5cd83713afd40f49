"""How the meter bears a long run: `phoenix trial`'s own parts under high churn, with its memory over time.

    python bench/soak.py --minutes 30 --processes 1500 --candidate process-aggregated-stock-v1

Samples are counted and let go, so that what grows is the meter alone. Called by hand, not by `make bench`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
from scipy import stats

from phoenix_platform.agent.binaries import find_collector
from phoenix_platform.agent.load.profiles import Limits, profile_named
from phoenix_platform.agent.load.simulation import LoadSimulation
from phoenix_platform.agent.settings import AgentSettings, process_environment
from phoenix_platform.agent.trial_starts import running_trial
from phoenix_platform.agent.trials import TrialSettings, own_rss_bytes
from phoenix_platform.cli.pipelines.references import read_pipeline
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.ids import new_id
from phoenix_platform.metering.patterns import parse_pattern
from phoenix_platform.metering.samples import Sample, Variant

MEBIBYTE: Final = 2**20
WARM_UP_SECONDS: Final = 300.0
"""Interpreter, arenas and the series of the standing population settle in the first minutes."""


@dataclass(slots=True)
class Seen:
    """What happened, and the meter's memory at each interval."""

    samples: Counter[Variant] = field(default_factory=Counter[Variant])
    unacknowledged: Counter[Variant] = field(default_factory=Counter[Variant])
    critical_missing: int = 0
    broken_totals: Counter[Variant] = field(default_factory=Counter[Variant])
    points: int = 0
    late_points: int = 0
    colliding_points: int = 0
    processes: list[int] = field(default_factory=list[int])
    seconds: list[float] = field(default_factory=list[float])
    rss: list[int] = field(default_factory=list[int])

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
            seen.seconds.append(elapsed)
            seen.rss.append(own_rss_bytes())
            if len(seen.seconds) % 60 == 0:
                _say(f"{elapsed / 60:.0f} min, {seen.rss[-1] / MEBIBYTE:.1f} MiB")
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
    seconds, rss = np.array(seen.seconds), np.array(seen.rss) / MEBIBYTE
    late = seconds >= min(WARM_UP_SECONDS, seconds[-1] / 3)
    # The median of each minute: single readings jump with the allocator, and neighbours depend on each other.
    minutes = np.unique(seconds[late] // 60)
    medians = np.array([np.median(rss[late & (seconds // 60 == minute)]) for minute in minutes])
    fit = stats.linregress(minutes, medians)
    half = stats.t.ppf(0.975, len(minutes) - 2) * fit.stderr
    return {
        "minutes": round(seconds[-1] / 60, 1),
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
        "meter_mib_after_warm_up": round(float(medians[0]), 2),
        "meter_mib_at_end": round(float(medians[-1]), 2),
        "meter_mib_most": round(float(rss.max()), 2),
        "slope_mib_per_hour": round(60 * float(fit.slope), 2),
        "slope_95_percent": [round(60 * float(fit.slope + side * half), 2) for side in (-1, 1)],
        "meter_mib_by_minute": [round(float(value), 1) for value in medians],
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
