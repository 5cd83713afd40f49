"""The run itself: where, with what, how much was compared, and how to check all of this."""

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Block, Listing, Prose, Section, Sentences, Table
from phoenix_platform.cli.reports.markup import short_name
from phoenix_platform.cli.reports.subjects import RecordedTrial, Subject
from phoenix_platform.cli.reports.words import listed, moment, size, whole
from phoenix_platform.core.units import show_bytes, show_duration, show_share
from phoenix_platform.metering.samples import Variant


def facts(subject: Subject) -> Section:
    trial = subject.trial
    blocks: list[Block] = [
        Table(
            caption="Where and when", columns=("what", "value"), rows=_run(subject), is_half=True
        ),
        Table(
            caption="What was agreed before the start",
            columns=("what", "value"),
            rows=_plan(trial.plan),
            is_half=True,
        ),
        Table(
            caption="Counts, options and versions",
            columns=("what", "value"),
            rows=_details(subject),
            folded=True,
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
    if subject.is_broken_off:
        state = "The record has no verdict of its own: there is nothing to compare with."
    elif subject.contradictions:
        state = (
            "When this page was made the verdict was computed again, and the record says otherwise."
        )
    else:
        state = "When this page was made the verdict was computed again, and was the recorded one."
    blocks: list[Block] = [Prose(paragraphs=(state,), is_warning=bool(subject.contradictions))]
    if subject.contradictions:
        blocks.append(Sentences(title="Where they differ", sentences=subject.contradictions))
    blocks.append(Listing(title="Commands", text="\n".join(subject.commands), is_open=True))
    return Section(
        anchor="verification",
        title="How to check this",
        lead="This page proves nothing by itself; its record does. The same record gives the same page, "
        "byte by byte.",
        blocks=tuple(blocks),
    )


def _run(subject: Subject) -> tuple[tuple[str, str], ...]:
    trial, judgement = subject.trial, subject.judgement
    collector = trial.collector
    intervals = (
        f"{whole(judgement.intervals)} judged, {whole(judgement.paired)} pairs compared, "
        f"{whole(judgement.unpaired)} not seen whole by both"
    )
    return (
        ("record", trial.id),
        ("started", moment(trial.started_at)),
        ("ended", moment(trial.ended_at)),
        *_places(trial),
        (
            "collector",
            " ".join(filter(None, (collector.distribution, collector.version))) or NO_DATA,
        ),
        ("window", show_duration(judgement.window.total_seconds())),
        ("intervals", intervals),
    )


def _places(trial: RecordedTrial) -> tuple[tuple[str, str], ...]:
    """The host of a trial, or each host of a fleet with what became of it."""
    host = trial.host
    if host is None:
        return tuple(
            (f"host {short_name(one.name)}", ": ".join(filter(None, (one.state, one.reason))))
            for one in trial.hosts
        )
    unreadable = whole(host.processes_with_unreadable_io)
    processes = f"{whole(host.processes)}; {unreadable} of them did not let their I/O be read"
    return (
        ("host", short_name(host.name)),
        ("processors", whole(host.processors)),
        ("memory", size(host.memory_bytes)),
        ("processes at the start", processes),
    )


def _details(subject: Subject) -> tuple[tuple[str, str], ...]:
    trial, collector = subject.trial, subject.trial.collector
    rows = [
        ("phoenix", trial.phoenix_version or NO_DATA),
        ("collector core", collector.upstream_version or NO_DATA),
        ("collector's build id", collector.build_id or NO_DATA),
        ("collector's SHA-256", collector.sha256 or NO_DATA),
        *(
            (f"{variant} configuration", trial.variants[variant].content_hash or NO_DATA)
            for variant in Variant
        ),
        ("samples in the record", whole(len(subject.samples))),
    ]
    counts = [
        (short_name(name.replace("_", " ")), whole(value)) for name, value in trial.counts.items()
    ]
    options = [
        (f"option {short_name(key)}", _option(value)) for key, value in trial.options.items()
    ]
    return (*rows, *counts, *options)


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
