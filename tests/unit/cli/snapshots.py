"""A trial under way, as the views are shown it."""

from dataclasses import replace

from tests.unit.analysis.runs import AT_END, CONDITIONS, sample
from tests.unit.analysis.runs import PLAN as QUIET_PLAN

from phoenix_platform.analysis.verdicts import Conditions, Judgement, judge
from phoenix_platform.cli.trial.snapshot import ProcessUse, Snapshot
from phoenix_platform.metering.samples import HostTotal, ProcessInstance, Sample, Variant

PLAN = replace(QUIET_PLAN, totals_preserved=False, accept_lost_totals=True)

LOST = ProcessInstance("postgres", 77, 1)


def a_run(intervals: int, *, candidate_points: int = 200) -> list[Sample]:
    """Both variants; the candidate keeps a fifth of everything."""
    half = {"process.cpu.time": HostTotal(raw=2.0, output=0.5, tolerance=1e-9)}
    return [
        each
        for scrape in range(intervals)
        for each in (
            sample(Variant.BASELINE, scrape, 1000),
            replace(sample(Variant.CANDIDATE, scrape, candidate_points), totals=half),
        )
    ]


def a_judgement(samples: list[Sample], conditions: Conditions = CONDITIONS) -> Judgement:
    return judge(samples, PLAN, conditions)


def a_final_judgement(samples: list[Sample]) -> Judgement:
    return judge(samples, PLAN, AT_END)


def a_snapshot(samples: list[Sample], judgement: Judgement | None) -> Snapshot:
    return Snapshot(
        elapsed_seconds=len(samples) / 2,
        scrapes=len(samples) // 2 + 2,
        lost_scrapes={Variant.BASELINE: 0, Variant.CANDIDATE: 1},
        last={one.variant: one for one in samples[-2:]},
        judgement=judgement,
        use={"baseline": ProcessUse(0.012, 50 * 2**20), "meter": ProcessUse(None, None)},
        host_cpu_share=None if len(samples) < 40 else 0.0521,
    )
