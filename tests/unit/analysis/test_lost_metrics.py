"""What critical processes lose though they stay visible: listed, and an abort where the plan says so."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.unit.analysis.certified import KEY, a_record, verified
from tests.unit.analysis.runs import AT_END, CONDITIONS, DATABASE, PLAN, PROXY, Change, run, sample

from phoenix_platform.analysis.certificates import make_certificate
from phoenix_platform.analysis.guardrails import GuardrailStatus
from phoenix_platform.analysis.lost_metrics import LostMetric, LostMetrics
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Verdict, judge
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.sample_columns import columns_of
from phoenix_platform.metering.samples import KeptMetric, Sample, Variant

CPU, RSS, IO = "process.cpu.time", "process.memory.usage", "process.disk.io"
WHOLE = {name: KeptMetric(2, 0, None) for name in (CPU, RSS, IO)}
WITHOUT_IO = WHOLE | {IO: KeptMetric(2, 1, DATABASE)}
IO_IS_CRITICAL = replace(PLAN, critical_metrics=("process.disk.*",))


def keeping(
    baseline: Mapping[str, KeptMetric], candidate: Mapping[str, KeptMetric], *, since: int = 50
) -> Change:
    def change(one: Sample) -> Sample:
        kept = baseline if one.variant is Variant.BASELINE else candidate
        return replace(one, critical_metrics=WHOLE if one.scrape < since else kept)

    return change


def lost_in(
    baseline: Mapping[str, KeptMetric], candidate: Mapping[str, KeptMetric], plan: Plan = PLAN
) -> LostMetrics:
    lost = LostMetrics(plan)
    lost.take(
        replace(sample(Variant.BASELINE, 7, 100), critical_metrics=baseline),
        replace(sample(Variant.CANDIDATE, 7, 50), critical_metrics=candidate),
    )
    return lost


def test_a_lost_metric_is_listed_and_does_not_keep_a_candidate_from_promotion() -> None:
    judgement = judge(run(400, change=keeping(WHOLE, WITHOUT_IO)), PLAN, CONDITIONS)
    assert judgement.verdict is Verdict.PROMOTE
    assert judgement.lost_metrics == (
        LostMetric(
            metric=IO,
            is_critical=False,
            intervals=52,
            processes=1,
            host="a",
            scrape=50,
            process="postgres",
            pid=4242,
        ),
    )
    listed = "Metrics that critical processes lost, though they stay visible: process.disk.io (of postgres, pid 4242)."
    assert listed in judgement.reasons


def test_a_lost_metric_that_the_plan_names_aborts_at_its_interval() -> None:
    judgement = judge(run(400, change=keeping(WHOLE, WITHOUT_IO)), IO_IS_CRITICAL, CONDITIONS)
    assert (judgement.verdict, judgement.intervals) == (Verdict.ABORT, 49)
    assert judgement.reasons[0] == (
        "Critical process postgres (pid 4242) on host a lost its metric process.disk.io in the "
        "candidate's output of scrape 50; the plan names this metric as critical."
    )
    assert judgement.guardrails[0].status is GuardrailStatus.ABORT


def test_another_lost_metric_does_not_abort() -> None:
    without_rss = WHOLE | {RSS: KeptMetric(2, 2, DATABASE)}
    judgement = judge(run(400, change=keeping(WHOLE, without_rss)), IO_IS_CRITICAL, CONDITIONS)
    assert judgement.verdict is Verdict.PROMOTE
    assert judgement.reasons[3].endswith(
        "process.memory.usage (of postgres, pid 4242 and 1 more at once)."
    )


@pytest.mark.parametrize(
    ("baseline", "candidate", "processes"),
    [
        pytest.param(WITHOUT_IO, WITHOUT_IO, 0, id="the-baseline-loses-it-too"),
        pytest.param({}, WITHOUT_IO, 0, id="the-baseline-shows-no-critical-process"),
        pytest.param(WITHOUT_IO, WHOLE, 0, id="only-the-baseline-loses-it"),
        pytest.param(WITHOUT_IO, {IO: KeptMetric(2, 2, PROXY)}, 1, id="the-candidate-loses-more"),
        pytest.param(WHOLE, {IO: KeptMetric(1, 0, None)}, 0, id="a-process-is-missing-altogether"),
        pytest.param(WHOLE, {IO: KeptMetric(1, 1, PROXY)}, 1, id="one-is-missing-one-loses-it"),
    ],
)
def test_only_what_the_baseline_still_shows_is_lost(
    baseline: Mapping[str, KeptMetric], candidate: Mapping[str, KeptMetric], processes: int
) -> None:
    results = lost_in(baseline, candidate, IO_IS_CRITICAL).results()
    assert [one.processes for one in results] == ([processes] if processes else [])


def test_what_the_plan_names_stands_first() -> None:
    lost = lost_in(WHOLE, {name: KeptMetric(2, 1, PROXY) for name in WHOLE}, IO_IS_CRITICAL)
    assert [one.metric for one in lost.results()] == [IO, CPU, RSS]
    assert lost.is_broken


def test_a_metric_that_no_critical_process_ever_had_is_no_data() -> None:
    plan = replace(PLAN, critical_metrics=("process.cpu.*", "proces.disk.io"))
    judgement = judge(run(150, change=keeping(WHOLE, WHOLE)), plan, AT_END)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.guardrails[0].status is GuardrailStatus.NO_DATA
    assert judgement.guardrails[0].reason.startswith(
        "No critical process had a metric named proces.disk.io: "
    )


def test_a_certificate_that_lists_lost_metrics_is_verified() -> None:
    samples = run(106, change=keeping(WHOLE, WITHOUT_IO))
    judgement = judge(samples, PLAN, AT_END)
    assert judgement.lost_metrics
    record = a_record(samples=columns_of(samples), judgement=judgement)
    assert verified(make_certificate(record, KEY)).alterations == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"critical_patterns": (), "critical_metrics": (IO,)},
            r"^critical_metrics: no critical process",
        ),
        ({"critical_metrics": (" ",)}, r"^critical_metrics: an empty name"),
    ],
)
def test_a_plan_that_names_no_metric_of_a_process_is_refused(
    changes: Mapping[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        replace(PLAN, **changes)  # type: ignore[arg-type]  # any field
