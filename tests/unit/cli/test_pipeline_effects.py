from collections.abc import Mapping

import pytest

from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.pipelines.effects import (
    CPU_TIME,
    IO,
    RSS,
    cores_text,
    memory_text,
    print_effects,
    saved_text,
    total_text,
)
from phoenix_platform.pipelines.catalog_effects import (
    Conditions,
    Effect,
    Effects,
    Saved,
    TotalError,
    Use,
)

EXACT = TotalError(wape=0.0, broken=0)
SAVED = Saved(window=0.83, low=0.821, high=0.84)
CONDITIONS = Conditions(
    date="2026-01-02",
    machine="a machine",
    collector="a collector 1.2.3",
    interval_seconds=1.0,
    most_seconds=150,
    seed=7,
    at_once=2,
    is_isolated=True,
)


def effect(*, critical_checks: int = 100, totals: Mapping[str, TotalError] | None = None) -> Effect:
    return Effect(
        profile="realistic",
        verdict="promote",
        seconds=120,
        intervals=121,
        processes=118,
        series=SAVED,
        points=SAVED,
        totals=totals or {CPU_TIME: EXACT, RSS: EXACT, IO: EXACT},
        critical_checks=critical_checks,
        critical_misses=0,
        cores=Use(baseline=0.04, candidate=0.02),
        rss_bytes=Use(baseline=50 * 2**20, candidate=52 * 2**20),
    )


def test_a_saving_is_shown_with_what_the_longer_run_saves() -> None:
    assert saved_text(SAVED) == "83.0 % (82.1 to 84.0)"


def test_a_saving_without_bounds_says_that_it_is_too_early() -> None:
    assert saved_text(Saved(window=0.83, low=None, high=None)) == "83.0 % (too early)"


def test_a_saving_of_nothing_that_was_there_is_no_number() -> None:
    assert saved_text(Saved(window=None, low=None, high=None)) == NO_DATA


@pytest.mark.parametrize(
    ("total", "is_kept", "shown"),
    [
        (EXACT, True, "exact"),
        (EXACT, False, "exact"),
        (TotalError(wape=0.123, broken=3), True, "12.3 %"),
        (TotalError(wape=0.123, broken=3), False, "not kept (12.3 %)"),
        (TotalError(wape=0.00002, broken=1), True, "0.0020 %"),
        (TotalError(wape=None, broken=0), True, NO_DATA),
        (None, True, NO_DATA),
    ],
)
def test_the_error_of_a_total_is_never_rounded_to_none(
    total: TotalError | None, is_kept: bool, shown: str
) -> None:
    assert total_text(total, is_kept=is_kept) == shown


def test_use_that_was_not_measured_is_no_zero() -> None:
    assert cores_text(Use(baseline=0.043, candidate=None)) == f"4.3 % → {NO_DATA}"
    assert memory_text(Use(baseline=None, candidate=2.0**20)) == f"{NO_DATA} → 1.0 MiB"


def test_an_entry_shows_its_effect_and_how_it_was_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    measured = Effects(conditions=CONDITIONS, entries={"some-v1": (effect(),)})
    print_effects("some-v1", measured, totals_preserved=True)
    shown = capsys.readouterr().out
    assert "realistic, 118 processes" in shown
    assert "promote after 2 min" in shown
    assert "exact, exact, exact" in shown
    assert "0 of 100" in shown
    assert "a scrape every 1 s, at most 2 min 30 s each, seed 7, 2 at a time" in shown
    assert "those of the trial and its load only" in shown


def test_a_load_without_critical_processes_shows_no_number_of_checks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    measured = Effects(conditions=CONDITIONS, entries={"some-v1": (effect(critical_checks=0),)})
    print_effects("some-v1", measured, totals_preserved=True)
    assert "none runs" in capsys.readouterr().out


def test_an_entry_that_nobody_measured_says_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    print_effects("new-v1", Effects(conditions=CONDITIONS, entries={}), totals_preserved=True)
    assert NO_DATA in capsys.readouterr().out
