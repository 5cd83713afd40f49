"""`phoenix ledger`: ask the ledger of the reduce processor why a process is not shown by its name."""

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from phoenix_platform.agent.settings import process_environment
from phoenix_platform.analysis.ledgers import Ledger, Place, pattern_of
from phoenix_platform.cli.ledger_changes import Change, best_ranks, changes_for
from phoenix_platform.cli.output import NO_DATA, Output, OutputOption, note, print_json, print_table
from phoenix_platform.cli.pipelines.references import read_pipeline
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError
from phoenix_platform.core.units import show_bytes
from phoenix_platform.pipelines.ledger_paths import ledger_paths

app = typer.Typer(no_args_is_help=True, help="What the reduce processor recorded of its choices.")

PREVIOUS: Final = ".1"
"""What the processor adds to the name of the file that it wrote before."""
_MOST_ROWS: Final = 20
_MOST_HOSTS: Final = 5
_MOST_PIDS: Final = 3


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    pattern: str
    host: str | None
    files: tuple[str, ...]
    entries: int
    """Changes in these files, of whatever process."""
    from_time: datetime | None
    to_time: datetime | None
    found: tuple[Place, ...]
    """Processes of the pattern, those that changed last first."""
    not_shown: int
    """Found before those, and left out here."""
    levels: dict[str, str]
    """By host, the adaptive level that was entered last."""
    changes: tuple[Change, ...]
    """Of the configuration, each of which would keep a process that is summed now."""
    broken_lines: int
    is_torn: bool


@app.callback()
def ledger() -> None:
    """Keep `why` a command of its own: a noun with one verb would swallow it."""


@app.command()
def why(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN",
            help="Executable name: backup.sh, postgres*, /^java.*$/.",
        ),
    ],
    *,
    ledgers: Annotated[
        list[Path] | None,
        typer.Option(
            "--ledger",
            metavar="PATH",
            help="A ledger: ledger.path of reduce in the collector's configuration. Repeatable; PATH.1 is read too.",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="The collector's configuration: the ledgers of its reduce processors are read.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="HOST",
            help="Only this host: its host.name, or another attribute of it.",
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say where a process went, since when and because of which rule, and what would keep it."""
    asked = Ledger(pattern_of(pattern), host=host)
    paths = [*(ledgers or ()), *(_ledgers_of(config) if config is not None else ())]
    if not paths:
        raise InvalidInputError(
            "ledger: none is named; give --ledger PATH, or --config with the collector's configuration"
        )
    files = [file for path in dict.fromkeys(paths) for file in _files_of(path)]
    for file in files:
        _read(file, asked)
    _refuse_nothing(asked, pattern, host, files)
    found = asked.found()
    answer = Answer(
        pattern=pattern,
        host=host,
        files=tuple(map(str, files)),
        entries=asked.entries,
        from_time=asked.first,
        to_time=asked.last,
        found=found,
        not_shown=asked.forgotten,
        levels=asked.levels,
        changes=changes_for(found),
        broken_lines=asked.broken_lines,
        is_torn=asked.is_torn,
    )
    if output is Output.JSON:
        print_json(answer)
    else:
        _print(answer)
    if answer.is_torn:
        note("note: a last line is only begun, and left out: the collector is writing, or was ended while it was")  # fmt: skip
    if answer.broken_lines:
        note(f"note: {answer.broken_lines} lines that are no entries, left out")


def _ledgers_of(config: str) -> list[Path]:
    """The ledgers that a collector of this configuration writes, with our environment for its own."""
    found = ledger_paths(read_pipeline(config), process_environment())
    if not found:
        raise NotFoundError(
            f"ledger: no reduce in {config} writes one; add ledger: {{path, max_megabytes}} to it, or name one with --ledger"
        )
    return [Path(path) for path in found]


def _files_of(path: Path) -> Iterator[Path]:
    """The file before, if there is one, and the current one."""
    previous = path.with_name(path.name + PREVIOUS)
    if previous.is_file():
        yield previous
    if path.is_file():
        yield path
    elif path.exists():
        raise InvalidInputError(f"ledger: {path} is no file; name the one at ledger.path of reduce")
    elif not previous.is_file():
        raise NotFoundError(
            f"ledger: no file {path}; reduce writes one only where its configuration has ledger: {{path, max_megabytes}}"
        )


def _read(file: Path, asked: Ledger) -> None:
    try:
        with file.open("rb") as lines:
            asked.take(lines)
    except OSError as error:
        raise UnavailableError(f"ledger: cannot read {file}: {error.strerror}") from error


def _refuse_nothing(asked: Ledger, pattern: str, host: str | None, files: list[Path]) -> None:
    named = ", ".join(map(str, files))
    if not asked.entries and asked.broken_lines:
        raise InvalidInputError(
            f"ledger: {named}: no line is an entry; is this a ledger of reduce?"
        )
    if not asked.entries:
        raise NotFoundError(f"ledger: {named}: empty; reduce has recorded no change yet")
    if not asked.names:
        known = ", ".join(sorted(asked.hosts)[:_MOST_HOSTS])
        raise NotFoundError(f"host: no entry of {host!r} in {named}; there are {known}")
    if not asked.found():
        near = difflib.get_close_matches(pattern, asked.names, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else "it was never seen, or its entries are gone"
        where = "" if host is None else f" on {host}"
        raise NotFoundError(
            f"ledger: {named}: no process {pattern!r}{where} in {asked.entries} entries from {_moment(asked.first)} to {_moment(asked.last)}; {hint}"
        )


def _print(answer: Answer) -> None:
    groups = _grouped(answer.found)
    print_table(
        ("process (pid)", "where", "since", "because of", "most used then"),
        [_row(host, group) for (host, *_), group in list(groups.items())[:_MOST_ROWS]],
    )
    hidden = sum(map(len, list(groups.values())[_MOST_ROWS:])) + answer.not_shown
    if hidden:
        note(f"note: {hidden} more processes of the pattern, which changed before these")
    for host, level in sorted(answer.levels.items()):
        typer.echo(f"adaptive level of {host}: {level}")
    if not answer.changes:
        typer.echo("All of them keep their name here: what hides them comes after reduce.")
    for change in answer.changes:
        typer.echo(f"\n{change.effect}:")
        typer.echo("\n".join(f"  {line}" for line in change.lines))


def _grouped(found: Sequence[Place]) -> dict[tuple[str, ...], list[Place]]:
    """Processes of one name in one place for one reason, which a host may have thousands of."""
    groups: dict[tuple[str, ...], list[Place]] = {}
    for place in found:
        where = "kept" if place.is_kept else f"in {place.bucket}"
        key = (place.host, place.name, where, place.rule, str(place.level))
        groups.setdefault(key, []).append(place)
    return groups


def _row(host: str, group: Sequence[Place]) -> tuple[str, ...]:
    newest = group[0]
    pids = ", ".join(str(place.pid) for place in group[:_MOST_PIDS])
    more = len(group) - _MOST_PIDS
    since = sorted({_moment(place.since) for place in group})
    return (
        f"{newest.name or '(unnamed)'} ({pids}{f' and {more} more' if more > 0 else ''}) on {host}",
        "kept" if newest.is_kept else f"in {newest.bucket}",
        since[0] if len(since) == 1 else f"{since[0]} to {since[-1]}",
        newest.rule if not newest.level else f"{newest.rule} (level {newest.level})",
        _uses(group),
    )


def _uses(group: Sequence[Place]) -> str:
    cpu = [place.cpu_cores for place in group if place.cpu_cores is not None]
    rss = [place.rss_bytes for place in group if place.rss_bytes is not None]
    io = [place.io_bytes_per_second for place in group if place.io_bytes_per_second is not None]
    parts = [
        *(f"{max(values):.3g} cores" for values in (cpu,) if values),
        *(show_bytes(max(values)) for values in (rss,) if values),
        *(f"{show_bytes(max(values))}/s" for values in (io,) if values),
    ]
    return "; ".join([", ".join(parts) or NO_DATA, *_ranks(group)])


def _ranks(group: Sequence[Place]) -> Iterator[str]:
    """`rank 12 by cpu (k 10)`: the highest of the group, and the k beside it."""
    best = best_ranks(group)
    ks = {by: one.k for place in reversed(group) for by, one in place.ranks.items()}
    for by, k in ks.items():
        yield f"rank {best[by]} by {by} (k {k})" if by in best else f"no rank near k {k} by {by}"


def _moment(time: datetime | None) -> str:
    return NO_DATA if time is None else time.isoformat(sep=" ", timespec="seconds")
