"""Samples as columns of JSON, and back: the form in which a record keeps them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from itertools import chain
from typing import Any, Final, cast

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.samples import (
    HostTotal,
    KeptMetric,
    ProcessInstance,
    Sample,
    Variant,
    Visibility,
)

_TEXTS: Final = ("host", "variant")
_TIMES: Final = ("started_unix_nano", "ended_unix_nano")
"""Beyond 2^53: written as text, since a JSON reader with doubles would change them."""
_PROCESSES: Final = ("critical_seen", "critical_missing")
_PLAIN: Final = tuple(
    name
    for name in Sample.__dataclass_fields__
    if name not in {*_TEXTS, *_TIMES, *_PROCESSES, "critical_metrics", "totals", "visibility"}
)
_COLUMNS: Final = (*_TEXTS, *_TIMES, *_PLAIN, *_PROCESSES)


def columns_of(samples: Sequence[Sample]) -> dict[str, Any]:
    """One list per field, one element per sample; processes stand once and are referred to."""
    instances = sorted(
        set(chain.from_iterable((*each.critical_seen, *each.critical_missing) for each in samples))
    )
    number_of = {instance: number for number, instance in enumerate(instances)}
    metrics = sorted({metric for sample in samples for metric in sample.totals})
    return {
        "processes": [[each.name, each.pid, str(each.started_unix_nano)] for each in instances],
        **{name: [str(getattr(sample, name)) for sample in samples] for name in (*_TEXTS, *_TIMES)},
        **{name: [getattr(sample, name) for sample in samples] for name in _PLAIN},
        **{
            name: [[number_of[each] for each in getattr(sample, name)] for sample in samples]
            for name in _PROCESSES
        },
        "critical_metrics": {
            metric: [
                _kept_row(sample.critical_metrics.get(metric), number_of) for sample in samples
            ]
            for metric in sorted({name for sample in samples for name in sample.critical_metrics})
        },
        "totals": {
            metric: [_total_row(sample.totals.get(metric)) for sample in samples]
            for metric in metrics
        },
        "visibility": {
            signal: [_visibility_row(sample.visibility.get(signal)) for sample in samples]
            for signal in sorted({signal for sample in samples for signal in sample.visibility})
        },
    }


def samples_of(columns: Mapping[str, Any]) -> list[Sample]:
    """The samples of such columns.

    Raises:
        InvalidInputError: If a column is missing, has another length, or holds what does not fit.
    """
    try:
        instances = [
            ProcessInstance(name, pid, int(started)) for name, pid, started in columns["processes"]
        ]
        rows = zip(
            *(cast("Iterable[Any]", columns[name]) for name in _COLUMNS),
            strict=True,
        )
        return [_sample(row, instances, columns, number) for number, row in enumerate(rows)]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise InvalidInputError(f"samples: not the columns of a record: {error!r}") from error


def _kept_row(
    kept: KeptMetric | None, number_of: Mapping[ProcessInstance, int]
) -> list[int | None] | None:
    if kept is None:
        return None
    return [kept.had, kept.lost, None if kept.example is None else number_of[kept.example]]


def _kept_metric(row: Sequence[Any], instances: Sequence[ProcessInstance]) -> KeptMetric:
    had, lost = row[:2]
    example: int | None = row[2]
    return KeptMetric(had, lost, None if example is None else instances[example])


def _total_row(total: HostTotal | None) -> list[float] | None:
    return None if total is None else [total.raw, total.output, total.tolerance]


def _visibility_row(visibility: Visibility | None) -> list[float] | None:
    return None if visibility is None else list(astuple(visibility))


def _sample(
    row: Sequence[Any],
    instances: Sequence[ProcessInstance],
    columns: Mapping[str, Any],
    number: int,
) -> Sample:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["variant"] = Variant(values["variant"])
    for name in _TIMES:
        values[name] = int(values[name])
    for name in _PROCESSES:
        values[name] = tuple(instances[index] for index in cast("Sequence[int]", values[name]))
    values["critical_metrics"] = {
        metric: _kept_metric(column[number], instances)
        for metric, column in columns["critical_metrics"].items()
        if column[number] is not None
    }
    values["totals"] = {
        metric: HostTotal(*column[number])
        for metric, column in columns["totals"].items()
        if column[number] is not None
    }
    values["visibility"] = {
        signal: Visibility(*column[number])
        for signal, column in columns["visibility"].items()
        if column[number] is not None
    }
    return Sample(**values)
