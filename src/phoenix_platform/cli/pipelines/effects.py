"""Measured effects in words: for `phoenix pipeline show`, and for the table of the catalog in the docs."""

from phoenix_platform.cli import words
from phoenix_platform.cli.output import NO_DATA, print_table
from phoenix_platform.core.units import show_bytes, show_duration, show_share
from phoenix_platform.pipelines.catalog_effects import (
    Conditions,
    Effect,
    Effects,
    Saved,
    TotalError,
    Use,
)

CPU_TIME, RSS, IO = "process.cpu.time", "process.memory.usage", "process.disk.io"


def print_effects(entry: str, effects: Effects, *, totals_preserved: bool) -> None:
    """What was measured of an entry and how, or that nothing was."""
    measured = effects.entries.get(entry, ())
    if not measured:
        print_table(("measured effect",), [(NO_DATA,)])
        return
    print_table(
        ("load", "verdict", "series", "points", "error of totals: CPU, RSS, I/O", "critical missed",
         "collector CPU", "collector memory"),
        [_row(one, totals_preserved=totals_preserved) for one in measured],
        title="Measured effect (in brackets: what the longer run saves, 95 %)",
    )  # fmt: skip
    print_table(("measured", ""), _conditions(effects.conditions))


def saved_text(saved: Saved) -> str:
    """`83.0 % (82.1 to 84.0)`: in the window, and what the longer run saves."""
    if saved.window is None:
        return NO_DATA
    if saved.low is None or saved.high is None:
        return f"{show_share(saved.window)} (too early)"
    low, high = (show_share(one).removesuffix(" %") for one in (saved.low, saved.high))
    return f"{show_share(saved.window)} ({low} to {high})"


def total_text(total: TotalError | None, *, is_kept: bool) -> str:
    """`exact`, or the error (WAPE); said to be not kept where the pipeline does not promise it."""
    if total is None or total.wape is None:
        return NO_DATA
    if not total.broken:
        return "exact"
    digits = 1 if total.wape >= 0.001 else 4  # noqa: PLR2004 - a small error is not shown as none
    error = show_share(total.wape, digits=digits)
    return error if is_kept else f"not kept ({error})"


def cores_text(use: Use) -> str:
    """`4.3 → 2.6 %` of one core, baseline and candidate."""
    return f"{words.cores(use.baseline)} → {words.cores(use.candidate)}"


def memory_text(use: Use) -> str:
    shown = (NO_DATA if one is None else show_bytes(one) for one in (use.baseline, use.candidate))
    return " → ".join(shown)


def _row(effect: Effect, *, totals_preserved: bool) -> tuple[str, ...]:
    errors = (
        total_text(effect.totals.get(metric), is_kept=totals_preserved)
        for metric in (CPU_TIME, RSS, IO)
    )
    return (
        f"{effect.profile}, {effect.processes} processes",
        f"{effect.verdict} after {show_duration(effect.seconds)}",
        saved_text(effect.series),
        saved_text(effect.points),
        ", ".join(errors),
        f"{effect.critical_misses} of {effect.critical_checks}"
        if effect.critical_checks
        else "none runs",
        cores_text(effect.cores),
        memory_text(effect.rss_bytes),
    )


def _conditions(of: Conditions) -> list[tuple[str, str]]:
    interval, most = show_duration(of.interval_seconds), show_duration(of.most_seconds)
    how = f"a scrape every {interval}, at most {most} each, seed {of.seed}, {of.at_once} at a time"
    seen = "those of the trial and its load only" if of.is_isolated else "all of the machine"
    return [
        ("date", of.date),
        ("machine", of.machine),
        ("collector", of.collector),
        ("trials", how),
        ("processes", seen),
    ]
