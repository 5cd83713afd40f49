import json
import os
from collections.abc import Generator
from dataclasses import replace
from io import StringIO
from typing import TextIO

import pytest
from rich.console import Console
from tests.unit.analysis.runs import PLAN
from tests.unit.cli.snapshots import LOST, a_judgement, a_run, a_snapshot

from phoenix_platform.cli.judgements import headline
from phoenix_platform.cli.trial.live import screen_of
from phoenix_platform.cli.trial.views import JsonView, LineView, ScreenView, print_event
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.metering.samples import Variant


def drawn(samples_of: int, *, candidate_points: int = 200) -> str:
    """The screen after so many intervals, 80 columns wide."""
    samples = a_run(samples_of, candidate_points=candidate_points)
    judgement = a_judgement(samples) if samples else None
    console = Console(file=StringIO(), width=80, force_terminal=False)
    console.print(screen_of(a_snapshot(samples, judgement), PLAN, "new against old on h"))
    output = console.file
    assert isinstance(output, StringIO)
    return output.getvalue()


def test_before_the_first_interval_the_screen_says_that_it_waits() -> None:
    text = drawn(0)
    assert "waiting for the first interval" in text
    assert "12 345" not in text


def test_after_a_few_scrapes_it_shows_the_exact_window_and_when_a_verdict_can_come() -> None:
    text = drawn(8)
    assert "series in this window: −80.0 % (exact), too early to say when a" in text
    later = drawn(40)
    assert "series in this window: −80.0 % (exact), first verdict possible in about" in later
    assert "Guardrail" not in later.replace("guardrail", "")
    assert "too early" in text
    assert "no data" in text
    assert "1 of 1" in text


def test_later_it_shows_bounds_guardrails_and_what_is_needed() -> None:
    text = drawn(130)
    assert "for the longer run −80.0 % to −80.0 %" in text
    assert "critical retention pass" in " ".join(text.split())
    assert "host total process.cpu.time exact −75.0 %" in " ".join(text.split())
    assert "5.2 % of the host" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_baseline_without_output_has_no_reduction() -> None:
    samples = [replace(one, series=0, output_points=0, stored_bytes=0) for one in a_run(5)]
    assert headline(a_judgement(samples), PLAN).startswith("series in this window: no data (exact)")


def test_without_a_terminal_there_is_a_line_after_the_first_scrapes_and_at_every_batch_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    samples = a_run(70)
    with LineView(PLAN) as view:
        view.progress("starting")
        view.show(a_snapshot([], None))
        for count in range(2, len(samples) + 1, 2):
            view.show(a_snapshot(samples[:count], a_judgement(samples[:count])))
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0] == "  starting"
    assert len(lines) == 1 + 1 + 3
    assert "critical missing 0" in lines[1]


def test_a_missing_critical_process_is_counted_in_the_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    samples = a_run(6)
    samples[-1] = replace(samples[-1], critical_missing=(LOST,))
    with LineView(PLAN) as view:
        view.show(a_snapshot(samples, a_judgement(samples)))
    assert "critical missing 1" in capsys.readouterr().err


def test_the_line_says_which_guardrails_are_awaited_and_how_far_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    samples = a_run(70)
    with LineView(PLAN) as view:
        view.show(a_snapshot(samples, a_judgement(samples)))
    line = capsys.readouterr().err
    assert line.endswith(
        "; waiting for: cpu (pending, 3 of 5 batches), rss (pending, 3 of 5 batches), "
        "delay (pending, 3 of 5 batches)\n"
    )


def test_the_line_of_a_run_that_waits_for_no_guardrail_says_nothing_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    samples = a_run(130)
    with LineView(PLAN) as view:
        view.show(a_snapshot(samples, a_judgement(samples)))
    assert "waiting" not in capsys.readouterr().err


def test_why_a_guardrail_is_open_stands_once_on_the_screen() -> None:
    text = " ".join(drawn(40).split())
    assert text.count("not yet known to be below the limit of 5.0 % of a core") == 1
    assert "Waiting for: cpu (pending, 1 of 5 batches)" in text


def test_every_event_is_one_json_line_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    samples = a_run(70)
    with JsonView() as view:
        view.progress("starting")
        view.show(a_snapshot([], None))
        view.show(a_snapshot(samples, a_judgement(samples)))
    print_event("verdict", verdict="promote")
    captured = capsys.readouterr()
    assert captured.err == ""
    progress, first, second, verdict = map(json.loads, captured.out.splitlines())
    assert progress == {"event": "progress", "message": "starting"}
    assert first["judgement"] is None
    assert second["samples"]["candidate"]["series"] == 200
    assert len(second["judgement"]["reductions"][0]["last_look"]) == 1
    assert "path" not in second["judgement"]["reductions"][0]
    assert verdict == {"event": "verdict", "verdict": "promote"}


def test_the_live_screen_is_drawn_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    samples = a_run(30)
    with ScreenView(PLAN, "new against old") as view:
        view.progress("starting")
        view.show(a_snapshot(samples, a_judgement(samples)))
        view.show(a_snapshot(samples, a_judgement(samples)))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "starting" in captured.err


def test_variants_stand_in_one_order() -> None:
    assert list(Variant) == [Variant.BASELINE, Variant.CANDIDATE]


@pytest.fixture
def unread() -> Generator[TextIO]:
    """A stream whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        yield stream


def test_when_nobody_reads_the_events_any_more_the_trial_ends(
    unread: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", unread)
    with pytest.raises(UnavailableError, match="nobody reads it any more"):
        print_event("progress", message="starting")
    print_event("progress", message="what follows vanishes")


def test_a_closed_terminal_does_not_end_a_trial(
    unread: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", unread)
    samples = a_run(3)
    with ScreenView(PLAN, "title") as view:
        view.progress("starting")
        view.show(a_snapshot(samples, a_judgement(samples)))
        view.progress("and goes on")
