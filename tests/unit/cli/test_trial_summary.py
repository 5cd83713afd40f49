from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.cli.snapshots import LOST, a_final_judgement, a_run, a_snapshot, some_options

from phoenix_platform.cli import words
from phoenix_platform.cli.trial.expected_use import expected_cost
from phoenix_platform.cli.trial.options import (
    default_interval,
    production_interval_of,
)
from phoenix_platform.cli.trial.summary import print_summary
from phoenix_platform.metering.instances import NameLoss
from phoenix_platform.metering.samples import KeptMetric, Sample, Variant
from phoenix_platform.pipelines.secrets import masked


def summary(
    samples: list[Sample], losses: list[NameLoss], capsys: pytest.CaptureFixture[str]
) -> str:
    judgement = a_final_judgement(samples)
    print_summary(some_options(), judgement, a_snapshot(samples, judgement), losses, ["a note"])
    return " ".join(capsys.readouterr().out.split())


def test_a_promotion_says_what_is_saved_and_what_is_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    losses = [
        NameLoss(f"job{number}", 3, {Variant.BASELINE: 3, Variant.CANDIDATE: 0})
        for number in range(17)
    ]
    text = summary(a_run(130), losses, capsys)
    assert "PROMOTE" in text
    assert "not whole any more: process.cpu.time −75.0 %" in text
    assert "2 more names (all in │ 6 │ 6 │ 0 │ │ the record)" in text
    assert "(objective)" in text
    assert "note: a note" in text
    assert "phoenix pipeline export process-priority-v1 --into my-config.yaml --target" in text


@pytest.mark.parametrize(("intervals", "verdict"), [(20, "INCONCLUSIVE"), (130, "PROMOTE")])
def test_metrics_that_critical_processes_lost_are_named_once(
    intervals: int, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = {"process.threads": KeptMetric(1, 1, LOST)}
    whole = {"process.threads": KeptMetric(1, 0, None)}
    samples = [
        replace(one, critical_metrics=whole if one.variant is Variant.BASELINE else lost)
        for one in a_run(intervals)
    ]
    text = summary(samples, [], capsys)
    assert verdict in text
    assert text.count("process.threads") == 1


def test_without_losses_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    kept = [NameLoss("db", 1, {Variant.BASELINE: 1, Variant.CANDIDATE: 1})]
    text = summary(a_run(20), kept, capsys)
    assert "INCONCLUSIVE" in text
    assert "To take it home" not in text
    assert "No process lost its own series." in text
    assert "CPU of the whole trial" in text


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (words.change(0.832), "−83.2 %"),
        (words.change(-0.01), "1.0 %"),
        (words.change(0.0), "0.0 %"),
        (words.count(1234567), "1\u202f234\u202f567"),
        (words.change(None) + words.count(None) + words.memory(None), 3 * "no data"),
        (words.metric_label("process.threads"), "process.threads"),
    ],
)
def test_a_number_has_one_spelling(shown: str, text: str) -> None:
    assert shown == text


def test_the_expected_cost_is_said_before_the_start() -> None:
    assert "about 27.8 % of one core" in expected_cost(1_000, timedelta(seconds=1))


def test_the_interval_depends_on_the_number_of_processes() -> None:
    assert default_interval(299) == timedelta(seconds=1)
    assert default_interval(300) == timedelta(seconds=5)


def test_cpu_is_judged_at_the_candidates_own_interval_unless_asked_otherwise() -> None:
    candidate = some_options().candidate
    assert production_interval_of(candidate, {}, None) == timedelta(seconds=60)
    asked = timedelta(seconds=15)
    assert production_interval_of(candidate, {}, asked) == asked


def test_what_may_be_a_secret_is_masked_in_the_record() -> None:
    config = {
        "exporters": {"x": {"headers": {"a": 1}, "endpoint": "e", "list": [{"api_key": "k"}]}}
    }
    assert masked(config) == {
        "exporters": {"x": {"headers": "***", "endpoint": "e", "list": [{"api_key": "***"}]}}
    }
