"""The table of the catalog as Markdown, from the measured effects.

Called by `catalog_table.py`, which puts it into `docs/catalog-table.md`.
"""

from collections.abc import Iterator
from typing import Final

from phoenix_platform.agent.load.profiles import PROFILES
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.pipelines.effects import (
    CPU_TIME,
    IO,
    RSS,
    cores_text,
    memory_text,
    saved_text,
    total_text,
)
from phoenix_platform.core.units import show_duration
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.catalog_effects import Conditions, Effect, Effects

_COLUMNS: Final = (
    "pipeline", "verdict", "window", "fewer series", "fewer points", "CPU time", "RSS", "I/O", "critical",
    "collector CPU", "collector RSS",
)  # fmt: skip


def page_of(effects: Effects) -> str:
    """Everything between the two marks of the page."""
    return "\n".join(_lines(effects)) + "\n"


def _lines(effects: Effects) -> Iterator[str]:
    yield ""
    yield _conditions(effects.conditions)
    for profile in PROFILES.values():
        found = {
            name: one
            for name, many in effects.entries.items()
            for one in many
            if one.profile == profile.name
        }
        processes = sorted(one.processes for one in found.values())
        span = f", {processes[0]} to {processes[-1]} processes in a scrape" if processes else ""
        yield f"\n### `{profile.name}`{span}\n"
        yield f"| {' | '.join(_COLUMNS)} |"
        yield "|---" * len(_COLUMNS) + "|"
        for name in catalog.names():
            yield _row(name, found.get(name))
    yield ""


def _conditions(of: Conditions) -> str:
    among = (
        "Each trial ran in a process namespace of its own: nothing but its load and its collectors was seen."
        if of.is_isolated
        else "No process namespace could be had: other processes of the machine were seen too."
    )
    return (
        f"Measured on {of.date}: {of.machine}; {of.collector}; a scrape every "
        f"{show_duration(of.interval_seconds)}, at most {show_duration(of.most_seconds)} a trial, less where a "
        f"verdict came before; seed {of.seed}; {of.at_once} trials at a time. {among}"
    )


def _row(name: str, effect: Effect | None) -> str:
    if effect is None:
        return f"| `{name}` |" + f" {NO_DATA} |" * (len(_COLUMNS) - 1)
    keeps = catalog.get(name).totals_preserved
    cells = (
        f"`{name}`",
        f"`{effect.verdict}`",
        f"{show_duration(effect.seconds)}, {effect.intervals} intervals",
        saved_text(effect.series),
        saved_text(effect.points),
        *(total_text(effect.totals.get(metric), is_kept=keeps) for metric in (CPU_TIME, RSS, IO)),
        f"{effect.critical_misses} missed of {effect.critical_checks}"
        if effect.critical_checks
        else "none runs",
        cores_text(effect.cores),
        memory_text(effect.rss_bytes),
    )
    return f"| {' | '.join(cells)} |"
