"""Critical processes: seen, missing or not there, interval by interval."""

from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Block, Figure, Legend, Prose, Section, Table
from phoenix_platform.cli.reports.charts import FULL, PHONE
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.scales import show_time
from phoenix_platform.cli.reports.subjects import Subject
from phoenix_platform.cli.reports.walls import LOOK_OF, Presence, Row, draw_wall, wall_rows
from phoenix_platform.cli.reports.words import listed, share, whole

_LEGEND = {
    Presence.SEEN: "seen: a series of its own",
    Presence.MISSING: "missing from the candidate",
    Presence.ABSENT: "not running",
    Presence.UNCOMPARED: "not compared",
}


def criticals(subject: Subject) -> Section:
    patterns = [short_name(pattern) for pattern in subject.trial.plan.critical_patterns]
    rows = wall_rows(subject.intervals)
    blocks: list[Block] = []
    if not patterns:
        blocks.append(Prose(paragraphs=("No process was named as critical, so none was checked.",)))
    elif not rows:
        words = f"{NO_DATA}: no process matched {listed(patterns)} in the intervals judged."
        blocks.append(Prose(paragraphs=(words,)))
    if rows:
        blocks += [_wall(subject, rows), Legend(entries=_legend()), _assurance(subject)]
    named = f" Named: {listed(patterns)}." if patterns else ""
    return Section(
        anchor="criticals",
        title="Critical processes",
        lead=f"Each must keep a series of its own, from its second scrape on.{named}",
        blocks=tuple(blocks),
    )


def _legend() -> tuple[tuple[str, str], ...]:
    return tuple((LOOK_OF[presence], words) for presence, words in _LEGEND.items())


def _wall(subject: Subject, rows: list[Row]) -> Figure:
    title = "Critical processes over the time of the run"
    misses = sum(row.count(Presence.MISSING) for row in rows)
    spoken = f"{len(rows)} rows, {misses} cells with a missing process."
    cells = len(subject.intervals)
    note = "One row per process (name and process id), time from left to right."
    if cells > FULL.most_points // 2:
        note += f" {cells} intervals are joined to fit; a joined cell is missing if any in it is."
    return Figure(
        title=title,
        note=note,
        wide=draw_wall(rows, subject.seconds, FULL, title=title, description=spoken),
        narrow=draw_wall(rows, subject.seconds, PHONE, title=title, description=spoken),
        table=_table(rows),
    )


def _table(rows: list[Row]) -> Table:
    cells = [
        (
            row.name,
            *(whole(row.count(presence)) for presence in _LEGEND),
            "never" if row.first_missing is None else show_time(round(row.first_missing)),
        )
        for row in rows
    ]
    return Table(
        caption="Intervals of each row",
        columns=("process", "seen", "missing", "not running", "not compared", "first missing at"),
        rows=tuple(cells),
        numeric=(1, 2, 3, 4, 5),
    )


def _assurance(subject: Subject) -> Prose:
    found = subject.judgement.assurance
    sentence = (
        f"{whole(found.checks)} checks of {whole(found.instances)} process instances, "
        f"{whole(found.independent_instances)} of them independent; {whole(found.misses)} missed. "
        f"Among processes not seen here the miss rate is below {share(found.miss_rate_below)} "
        "(at 95 %)."
    )
    return Prose(paragraphs=(sentence,))
