"""A trial under way, as the views are shown it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.unit.analysis.runs import AT_END, CONDITIONS, sample
from tests.unit.analysis.runs import PLAN as QUIET_PLAN

from phoenix_platform.agent.binaries import BinarySource, CollectorBinary
from phoenix_platform.agent.host import Host, Processes
from phoenix_platform.analysis.verdicts import Conditions, Judge, Judgement, judge
from phoenix_platform.cli.trial.options import TrialOptions, parse_patterns
from phoenix_platform.cli.trial.snapshot import ProcessUse, Snapshot
from phoenix_platform.metering.samples import HostTotal, ProcessInstance, Sample, Variant
from phoenix_platform.pipelines import catalog

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


def the_batches(samples: list[Sample]) -> Mapping[str, int]:
    judge_ = Judge(PLAN)
    for one in samples:
        judge_.add(one)
    judge_.judgement(CONDITIONS)
    return judge_.batches()


def a_snapshot(samples: list[Sample], judgement: Judgement | None) -> Snapshot:
    return Snapshot(
        elapsed_seconds=len(samples) / 2,
        scrapes=len(samples) // 2 + 2,
        lost_scrapes={Variant.BASELINE: 0, Variant.CANDIDATE: 1},
        last={one.variant: one for one in samples[-2:]},
        judgement=judgement,
        batches=the_batches(samples),
        use={"baseline": ProcessUse(0.012, 50 * 2**20), "meter": ProcessUse(None, None)},
        host_cpu_share=None if len(samples) < 40 else 0.0521,
    )


def some_options() -> TrialOptions:
    return TrialOptions(
        baseline=catalog.get("process-baseline-v1").configuration,
        candidate=catalog.get("process-priority-v1").configuration,
        binary=CollectorBinary(
            path=Path("/opt/otelcol"),
            source=BinarySource.NAMED,
            distribution="otelcol-x",
            version="0.161.0",
            upstream_version="0.161.0",
            build_id=None,
            sha256="00",
            components={},
        ),
        host=Host(name="box", processors=4, memory_bytes=None, boot_id=None),
        processes=Processes(total=200, unreadable_io=3),
        plan=QUIET_PLAN,
        critical=parse_patterns(["postgres"]),
        exporter=None,
        ignore=frozenset(),
        seed_load=None,
        seed=0,
        max_host_cpu=0.1,
        record=Path("record.json"),
    )
