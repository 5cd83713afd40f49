"""What is shown of an experiment while it runs and afterwards."""

import io
import json
from typing import Any

import msgspec
import pytest
from rich.console import Console
from tests.unit.analysis.runs import AT_END, PLAN, sample

from phoenix_platform.analysis.verdicts import Verdict, judge
from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.experiments.tables import (
    comparison_of,
    experiment_parts,
    print_comparison,
    print_list,
)
from phoenix_platform.cli.experiments.watching import JsonView, LineView, ScreenView, conclude
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import ConflictError, UnavailableError
from phoenix_platform.metering.samples import Variant
from phoenix_platform.wire.v1.experiments import ExperimentView

SAMPLES = [
    sample(variant, scrape, points)
    for scrape in range(130)
    for variant, points in ((Variant.BASELINE, 1000), (Variant.CANDIDATE, 200))
]
JUDGEMENT: dict[str, Any] = json.loads(msgspec.json.encode(judge(SAMPLES, PLAN, AT_END)))


def an_experiment(**changes: Any) -> ExperimentView:
    """As the API shows a running one without samples."""
    fields: dict[str, Any] = {
        "id": "01a212cf-35ed-7013-9e3e-19897888983e",
        "name": "topk",
        "selector": "env=prod",
        "baseline": {"reference": "process-baseline-v1", "hash": "sha256:aaaa"},
        "candidate": {"reference": "process-topk-v1", "hash": "sha256:bbbb"},
        "plan": json.loads(msgspec.json.encode(PLAN)),
        "load": None,
        "quorum": 0.5,
        "phase": "running",
        "verdict": None,
        "end_reason": None,
        "created_at": "2026-01-31T08:00:00Z",
        "created_by": "ada",
        "starts_at": None,
        "started_at": "2026-01-31T08:01:00Z",
        "running_since": None,
        "deadline": None,
        "ended_at": None,
        "hosts": [
            a_host("web-1", "flowing"),
            a_host("web-2", "excluded", reason="no sample for 120 s", log_tail=["panic: x"]),
        ],
        "judgement": None,
        "judged_at": None,
        "version": 3,
    }
    return msgspec.convert({**fields, **changes}, ExperimentView)


def a_host(name: str, state: str, **changes: Any) -> dict[str, Any]:
    return {
        "host_id": "01a212cf-35ed-7013-9e3e-19897888983e",
        "name": name,
        "state": state,
        "reason": None,
        "log_tail": [],
        "since": "2026-01-31T08:01:00Z",
        **changes,
    }


def completed(verdict: str = "promote") -> ExperimentView:
    return an_experiment(
        phase="completed",
        verdict=verdict,
        ended_at="2026-01-31T09:00:00Z",
        judgement=JUDGEMENT,
        judged_at="2026-01-31T09:00:00Z",
    )


def text_of(experiment: ExperimentView) -> str:
    console = Console(file=io.StringIO(), width=80)
    for part in experiment_parts(experiment):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_before_there_are_samples_it_says_so_and_names_who_left_and_why() -> None:
    text = text_of(an_experiment())
    assert "nothing was measured yet" in text
    assert "no sample for 120 s" in text
    assert "panic: x" in text
    assert "2, 1 excluded" in text


def test_a_verdict_is_shown_with_what_was_saved_within_80_columns() -> None:
    text = text_of(completed())
    assert "PROMOTE" in text
    assert "−80.0 %" in text
    assert max(map(len, text.splitlines())) <= 80


def test_lines_say_each_thing_once(capsys: pytest.CaptureFixture[str]) -> None:
    view = LineView()
    view.show(an_experiment())
    view.show(an_experiment())
    view.show(completed())
    view.close()
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert lines[:3] == ["running", "web-1: flowing", "web-2: excluded, no sample for 120 s"]
    assert lines[3] == "completed"
    assert len(lines) == 5
    assert "−80.0 %" in lines[4]


def test_json_lines_come_for_what_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    view = JsonView()
    for experiment in (an_experiment(), an_experiment(), completed()):
        view.show(experiment)
    view.close()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["phase"] for line in lines] == ["running", "completed"]


def test_json_lines_of_a_long_run_do_not_grow_but_the_last_is_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = JsonView()
    view.show(an_experiment(judgement=JUDGEMENT, judged_at="2026-01-31T08:30:00Z"))
    view.show(completed())
    running, ended = [
        json.loads(line)["judgement"] for line in capsys.readouterr().out.splitlines()
    ]
    assert {len(state["path"]) for state in running["reductions"]} <= {0, 1}
    assert ended == JUDGEMENT
    assert max(len(state["path"]) for state in ended["reductions"]) > 1


@pytest.mark.parametrize("experiment", [an_experiment(), completed()], ids=["empty", "judged"])
def test_the_screen_shows_phase_and_hosts(experiment: ExperimentView) -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(ScreenView(FixedClock())._screen(experiment))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert experiment.phase in text
    assert "web-2" in text


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.PROMOTE, ExitCode.OK),
        (Verdict.STOP_FUTILE, ExitCode.STOP_FUTILE),
        (Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
        (Verdict.INVALID, ExitCode.INVALID),
        (Verdict.ABORT, ExitCode.ABORT),
    ],
)
def test_each_verdict_ends_the_command_with_its_code(verdict: Verdict, code: ExitCode) -> None:
    with pytest.raises(SystemExit) as ended:
        conclude(completed(verdict.value))
    assert ended.value.code == code


def test_an_end_without_a_verdict_is_an_error_with_its_reason() -> None:
    with pytest.raises(ConflictError, match="cancelled without a verdict: no need"):
        conclude(an_experiment(phase="cancelled", end_reason="no need"))
    with pytest.raises(UnavailableError, match="failed without a verdict: no quorum"):
        conclude(an_experiment(phase="failed", end_reason="no quorum"))


def test_several_stand_side_by_side_and_what_is_missing_is_no_data(
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = [completed(), an_experiment(name="draft")]
    print_comparison(both)
    text = capsys.readouterr().out
    assert "−80.0 %" in text
    assert "no data" in text
    first, second = comparison_of(both)
    assert first["window_reduction"]["series"] == pytest.approx(0.8)
    assert (second["window_reduction"], second["window_seconds"]) == ({}, None)


def test_experiments_of_one_name_are_told_apart_by_their_ids(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_list([an_experiment(), an_experiment(), an_experiment(name="other")])
    assert capsys.readouterr().out.count("01a212cf") == 2
