"""Guardrails by queries as people and programs write them: in YAML files, over REST.

`docs/reference/guardrails.schema.json` is written from here.
"""

from datetime import timedelta
from typing import Annotated

import msgspec

from phoenix_platform.analysis.queries import NoData, QueryGuardrail
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.units import parse_duration

_Duration = Annotated[
    str,
    msgspec.Meta(pattern=r"^(P.+|(\d+(\.\d+)?(ms|s|m|h|d))+)$", examples=["15s", "1m30s", "PT15S"]),
]


class QueryGuardrailSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number that a site's Prometheus must keep within its limits while the experiment runs."""

    name: Annotated[
        str,
        msgspec.Meta(
            pattern="^[a-z][a-z0-9_-]{0,62}$",
            description="What verdicts, reports and certificates call it; unique.",
            examples=["checkout-errors"],
        ),
    ]
    query: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=4000,
            description="PromQL that gives one number: a scalar, or a vector of one series.",
            examples=['sum(rate(http_requests_total{code=~"5.."}[1m]))'],
        ),
    ]
    max: Annotated[
        float | None, msgspec.Meta(description="The most that is allowed; the limit itself is.")
    ] = None
    min: Annotated[
        float | None, msgspec.Meta(description="The least that is allowed; the limit itself is.")
    ] = None
    interval: Annotated[
        _Duration, msgspec.Meta(description="Time between two questions, at least 1s.")
    ] = "15s"
    consecutive: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            description="Answers in a row beyond a limit that abort, and within the limits that pass.",
        ),
    ] = 3
    no_data: Annotated[
        NoData,
        msgspec.Meta(
            description="What no number means (no series, NaN, no answer): `pending` promotes nothing "
            "meanwhile, `abort` aborts after as many in a row, `ignore` names it as not measured."
        ),
    ] = NoData.PENDING


class QueryGuardrailsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `phoenix trial --guardrails FILE` reads."""

    guardrails: Annotated[
        list[QueryGuardrailSpec],
        msgspec.Meta(min_length=1, max_length=20, description="All of them must hold."),
    ]
    prometheus: Annotated[
        str | None,
        msgspec.Meta(
            description="Base URL of the Prometheus that is asked, without credentials; --prometheus and "
            "PHOENIX_PROMETHEUS__URL say the same.",
            examples=["https://prometheus.example:9090"],
        ),
    ] = None


def query_guardrail_of(spec: QueryGuardrailSpec) -> QueryGuardrail:
    """What a plan has.

    Raises:
        InvalidInputError: If its parts do not go together.
    """
    return QueryGuardrail(
        name=spec.name,
        query=spec.query,
        max=spec.max,
        min=spec.min,
        interval=_interval_of(spec),
        consecutive=spec.consecutive,
        no_data=spec.no_data,
    )


def _interval_of(spec: QueryGuardrailSpec) -> timedelta:
    """As people write it (`15s`), or as everything else on the wire (`PT15S`)."""
    field = f"guardrail {spec.name}: interval"
    if not spec.interval.startswith("P"):
        return parse_duration(spec.interval, field=field)
    try:
        return msgspec.convert(spec.interval, timedelta)
    except msgspec.ValidationError as error:
        raise InvalidInputError(
            f"{field}: not a duration: {spec.interval!r}; write 15s or PT15S"
        ) from error
