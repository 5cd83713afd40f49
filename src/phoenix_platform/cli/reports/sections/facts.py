"""The run itself: where, with what, how much was compared, and how to check all of this."""

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Block, Listing, Prose, Section, Sentences, Table
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.subjects import Subject
from phoenix_platform.cli.reports.words import listed, size, whole
from phoenix_platform.core.units import show_bytes, show_duration, show_share


def facts(subject: Subject) -> Section:
    trial = subject.trial
    blocks: list[Block] = [
        Table(caption="The run", columns=("what", "value"), rows=_run(subject)),
        Table(
            caption="What was agreed before the start",
            columns=("what", "value"),
            rows=_plan(trial.plan),
        ),
    ]
    remarks = (*trial.notes, *(f"accepted difference: {each}" for each in trial.ignored))
    if remarks:
        blocks.append(Sentences(title="Notes", sentences=remarks))
    if trial.not_measured:
        blocks.append(Sentences(title="Not measured", sentences=trial.not_measured))
    return Section(
        anchor="facts",
        title="The run",
        lead="What this report is made from.",
        blocks=tuple(blocks),
    )


def verification(subject: Subject) -> Section:
    state = (
        "The record has no verdict of its own: there is nothing to compare with."
        if subject.is_broken_off
        else "When this page was made the verdict was computed again from the samples, and was the same."
    )
    if subject.contradictions:
        state = "When this page was made the verdict was computed again, and differs from the recorded one."
    return Section(
        anchor="verification",
        title="How to check this",
        lead="This page proves nothing by itself; its record does. The same record gives the same page, "
        "byte by byte.",
        blocks=(
            Prose(paragraphs=(state,), is_warning=bool(subject.contradictions)),
            Listing(title="Commands", text="\n".join(subject.commands), is_open=True),
        ),
    )


def _run(subject: Subject) -> tuple[tuple[str, str], ...]:
    trial, judgement = subject.trial, subject.judgement
    host, collector = trial.host, trial.collector
    rows = {
        "record": trial.id,
        "started": trial.started_at or NO_DATA,
        "ended": trial.ended_at or NO_DATA,
        "host": f"{short_name(host.name)}: {whole(host.processors)} processors, {size(host.memory_bytes)}",
        "processes at the start": f"{whole(host.processes)}, of which {whole(host.processes_with_unreadable_io)} "
        "did not let their I/O be read",
        "collector": " ".join(filter(None, (collector.distribution, collector.version))) or NO_DATA,
        "collector core": collector.upstream_version or NO_DATA,
        "build id": collector.build_id or NO_DATA,
        "collector's SHA-256": collector.sha256 or NO_DATA,
        "phoenix": trial.phoenix_version or NO_DATA,
        "window": show_duration(judgement.window.total_seconds()),
        "intervals": f"{whole(judgement.intervals)} judged, {whole(judgement.paired)} pairs compared, "
        f"{whole(judgement.unpaired)} not seen whole by both",
        "samples in the record": whole(len(subject.samples)),
    }
    counts = {name.replace("_", " "): whole(value) for name, value in trial.counts.items()}
    options = {f"option {short_name(key)}": _option(value) for key, value in trial.options.items()}
    return tuple((rows | counts | options).items())


def _option(value: object) -> str:
    match value:
        case None | [] | ():
            return "not set"
        case list():
            return short_name(", ".join(map(str, value)))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case _:
            return short_name(str(value))


def _plan(plan: Plan) -> tuple[tuple[str, str], ...]:
    return (
        ("objective", f"{show_share(plan.target_reduction)} fewer {plan.objective}"),
        ("interval asked for", show_duration(plan.interval.total_seconds())),
        ("production interval", show_duration(plan.production_interval.total_seconds())),
        ("longest duration", show_duration(plan.max_duration.total_seconds())),
        ("CPU limit", f"{show_share(plan.cpu_limit_cores)} of a core at the production interval"),
        ("memory limit", f"{show_bytes(plan.rss_margin_bytes)} above the baseline's"),
        ("critical processes", listed([short_name(each) for each in plan.critical_patterns])),
        ("level", f"α = {plan.alpha:g} with g = {plan.g:g}, for a promised 5 %"),
        ("scrapes left out at the start", whole(plan.discarded_scrapes)),
    )
