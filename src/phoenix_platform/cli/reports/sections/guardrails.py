"""The limits that the candidate must keep whatever it saves."""

from collections.abc import Mapping
from typing import Final

from phoenix_platform.analysis.guardrails import GuardrailResult, GuardrailStatus
from phoenix_platform.analysis.plans import GuardrailName
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.reports.blocks import Section, Table
from phoenix_platform.cli.reports.subjects import Subject
from phoenix_platform.cli.reports.words import share, size, whole
from phoenix_platform.core.units import show_duration

_SIGN_OF = {
    GuardrailStatus.PASS: "✓",
    GuardrailStatus.PENDING: "…",
    GuardrailStatus.ABORT: "✕",
    GuardrailStatus.NO_DATA: "?",
    GuardrailStatus.NOT_MEASURED: "–",
    GuardrailStatus.ACCEPTED: "!",
}

_NAME_OF: Final[Mapping[str, str]] = {
    GuardrailName.CPU: "CPU",
    GuardrailName.RSS: "memory",
    GuardrailName.TOTALS: "host totals",
}


def guardrails(subject: Subject) -> Section:
    results = subject.judgement.guardrails
    table = Table(
        caption="Guardrails",
        columns=("guardrail", "status", "seen", "limit", "why"),
        rows=tuple(map(_row, results)),
        numeric=(2, 3),
        is_wordy=True,
        statuses=tuple(result.status.value for result in results),
    )
    return Section(
        anchor="guardrails",
        title="Guardrails",
        lead="A promotion needs every one of them; each can end the run by itself.",
        blocks=(table, *_asked(subject)),
    )


def _asked(subject: Subject) -> tuple[Table, ...]:
    """What was asked of a site's Prometheus, where anything was."""
    queries = subject.trial.plan.queries
    if not queries:
        return ()
    return (
        Table(
            caption="Asked of Prometheus",
            columns=("guardrail", "allowed", "asked every", "in a row", "no data", "query"),
            rows=tuple(
                (
                    query.name,
                    query.limits_sentence(),
                    show_duration(query.interval.total_seconds()),
                    str(query.consecutive),
                    query.no_data.value,
                    query.query.strip(),
                )
                for query in queries
            ),
            numeric=(3,),
            is_wordy=True,
        ),
    )


def _row(result: GuardrailResult) -> tuple[str, ...]:
    return (
        _NAME_OF.get(result.name, result.name.replace("_", " ")),
        f"{_SIGN_OF[result.status]} {result.status.replace('_', ' ')}",
        _quantity(result.value, result.unit),
        _quantity(result.limit, result.unit),
        result.reason,
    )


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return NO_DATA
    match unit:
        case "":  # a query does not say what it counts
            return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")
        case "By":
            return size(value)
        case "1":
            return share(value)
        case "{core}":
            return f"{share(value)} of a core"
        case _ if unit.startswith("{"):
            return f"{whole(value)} {unit.strip('{}')}{'' if value == 1 else 'es'}"
        case _:
            return f"{whole(value)} {unit}"
