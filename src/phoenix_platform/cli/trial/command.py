"""`phoenix trial`: two pipelines on the same scrapes of this host, and a verdict."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from phoenix_platform.agent.binaries import find_collector
from phoenix_platform.agent.host import count_processes, read_host
from phoenix_platform.agent.settings import AgentSettings, process_environment
from phoenix_platform.analysis.plans import Objective, Plan
from phoenix_platform.cli.certificates import certificate_path, write_certificate
from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.output import Output, OutputOption, note
from phoenix_platform.cli.outside import OpenQueries, outside_of
from phoenix_platform.cli.pipelines.references import read_pipeline
from phoenix_platform.cli.prices import HostsOption, PricesOption, books_for, objective_for
from phoenix_platform.cli.prices_tables import print_costs
from phoenix_platform.cli.reports.files import default_path, write_report
from phoenix_platform.cli.trial.expected_use import expected_cost
from phoenix_platform.cli.trial.guardrail_files import read_guardrails
from phoenix_platform.cli.trial.options import (
    TrialOptions,
    default_interval,
    parse_patterns,
    preserves_totals,
    production_interval_of,
    share_or_none,
    totals_sentences,
)
from phoenix_platform.cli.trial.record import TrialRecord
from phoenix_platform.cli.trial.run import Outcome, run_trial
from phoenix_platform.cli.trial.summary import print_summary
from phoenix_platform.cli.trial.views import JsonView, LineView, ScreenView, View, print_event
from phoenix_platform.cli.verdicts import CODE_OF_VERDICT
from phoenix_platform.core.clock import Clock, SystemClock
from phoenix_platform.core.errors import InvalidInputError, PhoenixError
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.units import parse_duration, parse_share, show_duration, show_share
from phoenix_platform.core.version import VERSION
from phoenix_platform.metering.retention import CriticalIdentity

_DEFAULT_BASELINE: Final = "process-baseline-v1"
_CODE_OF_SIGNAL: Final = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.TERMINATED,
}


def trial(  # noqa: PLR0913, PLR0917 - a command's options are its parameters
    context: typer.Context,
    candidate: Annotated[
        str,
        typer.Option(help="Catalog name or collector configuration to try.", show_default=False),
    ],
    baseline: Annotated[
        str, typer.Option(help="Catalog name or collector configuration to compare with.")
    ] = _DEFAULT_BASELINE,
    interval: Annotated[
        str | None,
        typer.Option(help="Time between scrapes. Default: 1s below 300 processes, else 5s."),
    ] = None,
    max_duration: Annotated[str, typer.Option(help="End as inconclusive after this time.")] = "15m",
    production_interval: Annotated[
        str | None,
        typer.Option(
            help="Scrape interval in production, at which CPU is judged. "
            "Default: the candidate's collection_interval."
        ),
    ] = None,
    objective: Annotated[
        Objective | None,
        typer.Option(
            help="What the candidate must save. Default: what the book of --prices bills, else series."
        ),
    ] = None,
    target_reduction: Annotated[
        str, typer.Option(help="Share of the baseline's objective to save.")
    ] = "30%",
    critical: Annotated[
        list[str] | None,
        typer.Option(
            help="Processes that must stay visible one to one: a name, postgres*, /^java.*$/, "
            "or with a field: owner:root. Repeatable.",
            metavar="PATTERN",
        ),
    ] = None,
    critical_identity: Annotated[
        CriticalIdentity,
        typer.Option(help="What makes a critical process visible: itself, or its name."),
    ] = CriticalIdentity.INSTANCE,
    critical_metric: Annotated[
        list[str] | None,
        typer.Option(
            help="Metric that no critical process may lose: a name or a glob, such as process.disk.*. "
            "Others that are lost are listed. Repeatable.",
            metavar="NAME",
        ),
    ] = None,
    accept_lost_totals: Annotated[  # noqa: FBT002 - a flag of the command line
        bool,
        typer.Option(
            "--accept-lost-totals",
            help="Let a candidate be promoted though sums over all processes do not survive it.",
        ),
    ] = False,
    min_coverage: Annotated[
        str | None,
        typer.Option(
            help="Least share of CPU, memory and I/O that must stay in processes with their name."
        ),
    ] = None,
    min_recall: Annotated[
        str | None,
        typer.Option(
            help="Least share of each interval's ten largest processes that must keep their name."
        ),
    ] = None,
    delay_margin: Annotated[
        str,
        typer.Option(help="By how much later (and by more than 20%) points may come out."),
    ] = "500ms",
    guardrail: Annotated[
        list[str] | None,
        typer.Option(
            help="What a site's Prometheus must say meanwhile, asked every 15 s: "
            "'errors=sum(rate(http_errors_total[1m])) <= 5'. Three answers in a row beyond it abort. Repeatable.",
            metavar="NAME=QUERY<=LIMIT",
        ),
    ] = None,
    guardrails: Annotated[
        Path | None,
        typer.Option(
            help="YAML file of such guardrails with interval, min, max and what no data means.",
            metavar="FILE",
        ),
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option(
            help="Base URL of that Prometheus. Default: the one in FILE, else PHOENIX_PROMETHEUS__URL.",
            metavar="URL",
        ),
    ] = None,
    exporter: Annotated[
        str | None,
        typer.Option(help="Exporter whose output is judged, where a configuration has several."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            help="Receiver option whose difference is accepted. Repeatable.", metavar="KEY"
        ),
    ] = None,
    seed_load: Annotated[
        str | None,
        typer.Option(help="Run a load profile beside it; see phoenix loadsim list-profiles."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the load profile.")] = 0,
    collector: Annotated[
        Path | None, typer.Option(help="Collector binary to run.", envvar="PHOENIX_COLLECTOR")
    ] = None,
    prices: PricesOption = None,
    hosts: HostsOption = None,
    max_host_cpu: Annotated[
        str, typer.Option(help="End as invalid when the trial uses more of the host's CPU.")
    ] = "10%",
    record: Annotated[
        Path | None,
        typer.Option(help="Where to write the record. Default: phoenix-trial-TIME.json."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Where to write the HTML report. Default: beside the record.", metavar="OUT.html"
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Try two pipelines on the same scrapes of this host and say what is saved and what is lost.

    Ends with 0 for promote, 20 for stop_futile, 21 for inconclusive, 22 for invalid, 23 for abort.
    """
    clock = SystemClock()
    settings, environment = AgentSettings(), process_environment()
    processes = count_processes()
    chosen = parse_duration(interval, field="--interval") if interval else None
    tried = read_pipeline(candidate)
    books = books_for(prices)
    patterns = parse_patterns(critical or [])
    queries, named_prometheus = read_guardrails(guardrails, guardrail)
    if prometheus and not queries:
        raise InvalidInputError(
            "--prometheus: nothing is asked; name what with --guardrail or --guardrails"
        )
    asked = (
        parse_duration(production_interval, field="--production-interval")
        if production_interval
        else None
    )
    plan = Plan(
        target_reduction=parse_share(target_reduction, field="--target-reduction"),
        interval=chosen or default_interval(processes.total),
        objective=objective_for(objective, books[0] if prices else None),
        production_interval=production_interval_of(tried, environment, asked),
        max_duration=parse_duration(max_duration, field="--max-duration"),
        min_duration=None,
        totals_preserved=preserves_totals(candidate, accepts_loss=accept_lost_totals),
        accept_lost_totals=accept_lost_totals,
        min_coverage=share_or_none(min_coverage, field="--min-coverage"),
        min_recall=share_or_none(min_recall, field="--min-recall"),
        delay_margin=parse_duration(delay_margin, field="--delay-margin"),
        critical_patterns=tuple(pattern.text for pattern in patterns),
        critical_identity=critical_identity,
        critical_metrics=tuple(critical_metric or ()),
        queries=queries,
    )
    options = TrialOptions(
        baseline=read_pipeline(baseline),
        candidate=tried,
        binary=find_collector(collector, settings),
        host=read_host(),
        processes=processes,
        plan=plan,
        critical=patterns,
        exporter=exporter,
        ignore=frozenset(ignore or ()),
        seed_load=seed_load,
        seed=seed,
        max_host_cpu=parse_share(max_host_cpu, field="--max-host-cpu"),
        record=record or Path(f"phoenix-trial-{clock.now():%Y%m%dT%H%M%SZ}.json"),
        books=books,
        prometheus=prometheus or named_prometheus,
        hosts=hosts,
    )
    _check_writable(options.record)
    _introduce(options)
    open_queries = outside_of(context).open_queries
    outcome = _run(options, _view(options, output), environment, clock, open_queries)
    _conclude(options, outcome, output, report or default_path(options.record))


def _check_writable(record: Path) -> None:
    """Say before the start that the record could not be kept, not after it."""
    folder = record.absolute().parent
    if record.is_dir() or (
        folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK))
    ):
        raise InvalidInputError(
            f"--record: cannot write {record}; name a file in a folder of yours"
        )


def _introduce(options: TrialOptions) -> None:
    """The first screen: what is compared, what cannot be seen, what it will cost."""
    plan, processes = options.plan, options.processes
    note(
        f"Trial of {options.candidate.name} against {options.baseline.name} on {options.host.name}"
    )
    note(
        "  The baseline is that collector pipeline, not the bill of a vendor's agent: "
        "what is saved is saved against it."
    )
    note(
        f"  {processes.total} processes now; {processes.unreadable_io} of them do not let this user "
        "read their I/O"
        + (
            ": I/O totals are of readable processes; run as root to see all"
            if processes.unreadable_io
            else ""
        )
    )
    note(
        f"  scrapes every {show_duration(plan.interval.total_seconds())}, at most "
        f"{show_duration(plan.max_duration.total_seconds())}; target: {show_share(plan.target_reduction)} "
        f"fewer {plan.objective}; CPU judged at "
        f"{show_duration(plan.production_interval.total_seconds())}"
    )
    critical = ", ".join(plan.critical_patterns) or "none named (--critical PATTERN)"
    note(f"  critical processes: {critical}")
    for sentence in totals_sentences(plan):
        note(f"  {sentence}")
    note(f"  collector: {options.binary.distribution} {options.binary.version}")
    note(f"  {expected_cost(processes.total, plan.interval)}")
    note(
        "  a first verdict usually takes 5 to 10 minutes at 1 s: processes live for seconds, and so "
        "one scrape resembles the last"
    )


def _view(options: TrialOptions, output: Output) -> View:
    if output is Output.JSON:
        return JsonView()
    title = f"{options.candidate.name} against {options.baseline.name} on {options.host.name}"
    return ScreenView(options.plan, title) if sys.stderr.isatty() else LineView(options.plan)


def _run(
    options: TrialOptions,
    view: View,
    environment: dict[str, str],
    clock: Clock,
    open_queries: OpenQueries,
) -> Outcome:
    """Run it under the signals that end it; whatever ends it, nothing is left behind."""
    run_id = str(new_id(clock))
    trial_record = TrialRecord(run_id, VERSION, options, clock.now())
    ended_by: list[ExitCode] = []

    async def main() -> Outcome:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def end(code: ExitCode) -> None:
            ended_by.append(code)
            task.cancel()

        for number, code in _CODE_OF_SIGNAL.items():
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, end, code)
        return await run_trial(
            options,
            trial_record,
            view,
            environment=environment,
            clock=clock,
            open_queries=open_queries,
        )

    try:
        with view, suppress(asyncio.CancelledError):
            return asyncio.run(main())
    finally:
        if ended_by:
            _say_interrupted(trial_record)
    raise SystemExit(ended_by[0] if ended_by else ExitCode.BUG)


def _say_interrupted(trial_record: TrialRecord) -> None:
    path = trial_record.partial_path
    kept = f"; the record so far is {path}" if path.exists() else ""
    note(f"ended before a verdict{kept}")


def _certify(record: Path) -> Path | None:
    """The certificate beside the record; None if it cannot be made, which changes no verdict."""
    path = certificate_path(record)
    try:
        write_certificate(record, path)
    except PhoenixError as error:
        note(f"no certificate: {error}")
        return None
    return path


def _report(record: Path, path: Path) -> Path | None:
    """The HTML report; None if it cannot be made, which changes no verdict."""
    try:
        write_report(record, path)
    except PhoenixError as error:
        note(f"no report: {error}; make it with phoenix report {record}")
        return None
    return path


def _conclude(options: TrialOptions, outcome: Outcome, output: Output, report_path: Path) -> None:
    judgement = outcome.judgement
    assert judgement.verdict is not None
    if output is Output.TABLE:
        # Before the files: a bug in making them must not take the verdict away from its reader.
        with _unread_output():
            print_summary(options, judgement, outcome.snapshot, outcome.losses, outcome.notes)
            print_costs(outcome.costs)
    certificate = _certify(options.record)
    report = _report(options.record, report_path)
    if output is Output.JSON:
        with _unread_output():
            print_event(
                "verdict",
                verdict=judgement.verdict,
                scope=judgement.scope,
                judgement=judgement,
                losses=outcome.losses,
                notes=outcome.notes,
                use=outcome.snapshot.use,
                costs=outcome.costs,
                record=str(options.record),
                certificate=None if certificate is None else str(certificate),
                report=None if report is None else str(report),
            )
    note(f"record: {options.record}")
    if certificate is not None:
        note(f"certificate: {certificate}")
    if report is not None:
        note(f"report: {report}")
    raise SystemExit(CODE_OF_VERDICT[judgement.verdict])


def _unread_output() -> suppress:
    """Rich leaves the program when nobody reads its output: the verdict and its files stand all the same."""
    return suppress(OSError, SystemExit)
