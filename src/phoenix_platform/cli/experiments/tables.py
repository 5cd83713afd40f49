"""Experiments in tables: lists, one with its hosts and what was found, forecasts, several side by side."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from phoenix_platform.analysis.explanations import NOUN_OF
from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Judgement
from phoenix_platform.cli import words
from phoenix_platform.cli.fleet_words import short_hash, show_time
from phoenix_platform.cli.judgements import (
    guardrails_table,
    names_table,
    plain_table,
    savings_table,
    totals_table,
    verdict_panel,
)
from phoenix_platform.cli.output import NO_DATA, print_table
from phoenix_platform.core.units import show_duration, show_share
from phoenix_platform.wire.v1.experiments import (
    ExperimentHostView,
    ExperimentView,
    ForecastView,
    TransitionView,
    VariantView,
)

_EXCLUDED: Final = "excluded"


def judgement_of(experiment: ExperimentView) -> Judgement | None:
    """What was found so far; None before there are samples, and of lists."""
    found = experiment.judgement
    return None if found is None else msgspec.convert(found, Judgement, strict=False)


def plan_of(plan: dict[str, Any]) -> Plan:
    return msgspec.convert(plan, Plan, strict=False)


def print_list(experiments: Sequence[ExperimentView]) -> None:
    names = Counter(one.name for one in experiments)
    print_table(
        ("name", "phase", "verdict", "candidate", "hosts", "created"),
        [
            (
                one.name if names[one.name] == 1 else f"{one.name} ({one.id})",
                one.phase.replace("_", " "),
                "" if one.verdict is None else one.verdict.replace("_", " "),
                one.candidate.reference,
                _counted(one.hosts),
                show_time(one.created_at),
            )
            for one in experiments
        ],
    )


def print_experiment(experiment: ExperimentView, transitions: Sequence[TransitionView]) -> None:
    console = Console()
    for part in experiment_parts(experiment):
        console.print(part)
    if transitions:
        print_table(
            ("at", "phase", "by", "why"),
            [
                (
                    show_time(one.at),
                    f"{one.before} → {one.after}".replace("_", " "),
                    one.actor,
                    one.reason or "",
                )
                for one in transitions
            ],
            title="What happened",
        )


def experiment_parts(experiment: ExperimentView) -> Iterable[RenderableType]:
    """One experiment, and what was found."""
    yield _facts(experiment)
    if experiment.hosts:
        yield hosts_table(experiment)
    judgement = judgement_of(experiment)
    if judgement is None:
        yield Text("nothing was measured yet", style="dim")
        return
    if judgement.verdict is not None:
        yield verdict_panel(judgement, judgement.verdict)
    else:
        yield from map(Text, dict.fromkeys((*judgement.reasons, *judgement.needed)))
    yield savings_table(judgement)
    yield guardrails_table(judgement)
    yield totals_table(judgement)
    yield names_table(judgement)


def hosts_table(experiment: ExperimentView) -> Table:
    table = plain_table("host", "state", "")
    for host in experiment.hosts:
        style = "yellow" if host.state == _EXCLUDED else ""
        why = "\n".join((host.reason or "", *host.log_tail)).strip()
        table.add_row(host.name, Text(host.state, style=style), why)
    return table


def print_forecast(forecast: ForecastView) -> None:
    """A dry run: which hosts, what it costs there, what is measured."""
    plan = plan_of(forecast.plan)
    print_table(
        ("host", "connected", "expected CPU (of one core)", "in experiments"),
        [
            (
                host.name,
                "yes" if host.is_connected else "no",
                words.cores(host.cpu_cores),
                ", ".join(host.in_experiments),
            )
            for host in forecast.hosts
        ],
        title=f"{len(forecast.hosts)} hosts",
    )
    print_table(
        ("what is measured", ""),
        [
            ("baseline", _variant(forecast.baseline)),
            ("candidate", _variant(forecast.candidate)),
            *_plan_rows(plan),
        ],
    )


def print_comparison(experiments: Sequence[ExperimentView]) -> None:
    """Several experiments side by side, one a column."""
    found = [(one, judgement_of(one)) for one in experiments]
    rows = [
        ("phase", [one.phase.replace("_", " ") for one in experiments]),
        ("verdict", [(one.verdict or NO_DATA).replace("_", " ") for one in experiments]),
        ("baseline", [_variant(one.baseline) for one in experiments]),
        ("candidate", [_variant(one.candidate) for one in experiments]),
        ("hosts", [_counted(one.hosts) for one in experiments]),
        ("window", [_window(judgement) for _, judgement in found]),
        *_reduction_rows([judgement for _, judgement in found]),
        *_guardrail_rows([judgement for _, judgement in found]),
    ]
    print_table(("", *(one.name for one in experiments)), [(name, *cells) for name, cells in rows])


def comparison_of(experiments: Sequence[ExperimentView]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [_comparable(one, judgement_of(one)) for one in experiments]


def _comparable(one: ExperimentView, judgement: Judgement | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "phase": one.phase,
        "verdict": one.verdict,
        "baseline": one.baseline,
        "candidate": one.candidate,
        "hosts": len(one.hosts),
        "window_seconds": None if judgement is None else judgement.window.total_seconds(),
        "window_reduction": {}
        if judgement is None
        else {state.objective.value: state.window_reduction for state in judgement.reductions},
        "guardrails": {}
        if judgement is None
        else {result.name: result.status for result in judgement.guardrails},
    }


def _window(judgement: Judgement | None) -> str:
    return NO_DATA if judgement is None else show_duration(judgement.window.total_seconds())


def _reduction_rows(judgements: Sequence[Judgement | None]) -> Iterable[tuple[str, list[str]]]:
    for objective, noun in NOUN_OF.items():
        cells: list[str] = []
        for judgement in judgements:
            states = () if judgement is None else judgement.reductions
            state = next((one for one in states if one.objective is objective), None)
            known = "" if state is None or state.last_look is None else f" ({words.bounds(state)})"
            cells.append(
                NO_DATA if state is None else f"{words.change(state.window_reduction)}{known}"
            )
        yield noun, cells


def _guardrail_rows(judgements: Sequence[Judgement | None]) -> Iterable[tuple[str, list[str]]]:
    statuses = [
        {one.name: one.status.replace("_", " ") for one in judgement.guardrails}
        if judgement
        else {}
        for judgement in judgements
    ]
    for name in dict.fromkeys(name for of_one in statuses for name in of_one):
        yield name.replace("_", " "), [of_one.get(name, NO_DATA) for of_one in statuses]


def _facts(experiment: ExperimentView) -> Table:
    table = Table(title=experiment.name, title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("value", overflow="fold")
    phase = experiment.phase.replace("_", " ")
    rows = [
        ("id", str(experiment.id)),
        ("phase", f"{phase}: {experiment.end_reason}" if experiment.end_reason else phase),
        ("baseline", _variant(experiment.baseline)),
        ("candidate", _variant(experiment.candidate)),
        (
            "hosts",
            f"{experiment.selector or 'every host'} ({_counted(experiment.hosts) or 'chosen at the start'})",
        ),
        *_plan_rows(plan_of(experiment.plan)),
        ("created", f"{show_time(experiment.created_at)} by {experiment.created_by}"),
    ]
    times = {
        "starts by itself": experiment.starts_at,
        "started": experiment.started_at,
        "running since": experiment.running_since,
        "ends at the latest": None if experiment.ended_at else experiment.deadline,
        "ended": experiment.ended_at,
    }
    rows += [(name, show_time(at)) for name, at in times.items() if at is not None]
    for row in rows:
        table.add_row(*row)
    return table


def _plan_rows(plan: Plan) -> list[tuple[str, str]]:
    critical = ", ".join(plan.critical_patterns) or "none named"
    interval, longest, production = (
        show_duration(one.total_seconds())
        for one in (plan.interval, plan.max_duration, plan.production_interval)
    )
    return [
        ("target", f"{show_share(plan.target_reduction)} fewer {plan.objective}"),
        ("scrapes", f"every {interval}, at most for {longest}"),
        ("CPU is judged at", f"every {production}"),
        ("critical processes", critical),
    ]


def _variant(variant: VariantView) -> str:
    return f"{variant.reference} ({short_hash(variant.hash)})"


def _counted(hosts: Sequence[ExperimentHostView]) -> str:
    """`3, 1 excluded`."""
    if not hosts:
        return ""
    excluded = sum(host.state == _EXCLUDED for host in hosts)
    return f"{len(hosts)}, {excluded} excluded" if excluded else str(len(hosts))
