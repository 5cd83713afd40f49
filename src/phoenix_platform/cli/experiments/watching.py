"""An experiment as it goes: a live screen, a line for each change, or JSON events; and waiting for its end.

What the control plane does goes on when nobody watches: leaving changes nothing.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NoReturn, Protocol
from uuid import UUID

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from phoenix_platform.cli.experiments.tables import hosts_table, judgement_of, plan_of
from phoenix_platform.cli.judgements import guardrails_now, headline, reductions_now
from phoenix_platform.cli.output import Output, note, print_json_line
from phoenix_platform.cli.verdicts import CODE_OF_VERDICT
from phoenix_platform.client.control_planes import ControlPlane
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import ConflictError, PhoenixError, UnavailableError
from phoenix_platform.core.units import show_duration
from phoenix_platform.wire.v1.experiments import ExperimentView

_BETWEEN_LOOKS_SECONDS: Final = 1.0
"""Samples of a fleet arrive many times a second; a reader reads once."""
_SAMPLES_ADDED: Final = "samples.added"


class View(Protocol):
    def show(self, experiment: ExperimentView) -> None: ...
    def close(self) -> None: ...


def is_ended(experiment: ExperimentView) -> bool:
    return experiment.ended_at is not None


def wait_for_end(
    plane: ControlPlane,
    experiment_id: UUID,
    view: View,
    *,
    clock: Clock,
    patience_seconds: float = 600.0,
) -> ExperimentView:
    """Show it until it has ended; its control plane may be away for as long as `patience_seconds` in between.

    Raises:
        PhoenixError: If it is gone, or its control plane is away for longer.
    """
    try:
        for experiment in _states(plane, experiment_id, clock, patience_seconds):
            view.show(experiment)
            if is_ended(experiment):
                return experiment
    finally:
        view.close()
    raise AssertionError  # states do not end by themselves


def _states(
    plane: ControlPlane, experiment_id: UUID, clock: Clock, patience_seconds: float
) -> Iterator[ExperimentView]:
    """The experiment, again whenever something may be new."""
    experiment = plane.experiments.get(experiment_id)
    yield experiment
    looked = answered = clock.monotonic()
    is_away = False
    with plane.events.watching([f"experiment:{experiment_id}"]) as events:
        for event in events:
            is_more_of_the_same = event is not None and event.kind == _SAMPLES_ADDED
            if is_more_of_the_same and clock.monotonic() - looked < _BETWEEN_LOOKS_SECONDS:
                continue
            looked = clock.monotonic()
            try:
                experiment = plane.experiments.get(experiment_id)
            except UnavailableError as error:
                if clock.monotonic() - answered > patience_seconds:
                    raise
                if not is_away:
                    note(f"  {error}; trying on, the experiment goes on meanwhile")
                is_away = True
                continue
            if is_away:
                note("  the control plane answers again")
            answered, is_away = clock.monotonic(), False
            yield experiment


def conclude(experiment: ExperimentView) -> NoReturn:
    """End the command with what came of the experiment: the verdict's exit code.

    Raises:
        ConflictError: If it was cancelled.
        UnavailableError: If it failed.
    """
    if experiment.verdict is not None:
        raise SystemExit(CODE_OF_VERDICT[experiment.verdict])
    error: type[PhoenixError] = (
        ConflictError if experiment.phase == "cancelled" else UnavailableError
    )
    why = experiment.end_reason or "no reason is known"
    raise error(f"experiment {experiment.name}: {experiment.phase} without a verdict: {why}")


def view_for(output: Output, clock: Clock) -> View:
    if output is Output.JSON:
        return JsonView()
    return ScreenView(clock) if sys.stderr.isatty() else LineView()


class ScreenView:
    """For a terminal: one screen, on stderr."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live = Live(
            console=Console(stderr=True),
            refresh_per_second=2,
            transient=True,
            vertical_overflow="crop",
        )

    def show(self, experiment: ExperimentView) -> None:
        with suppress(OSError):
            self._live.start()
        self._live.update(self._screen(experiment))

    def close(self) -> None:
        with suppress(OSError):  # the terminal may be closed
            self._live.stop()

    def _screen(self, experiment: ExperimentView) -> Group:
        started = experiment.started_at
        since = (
            "not started"
            if started is None
            else show_duration(max((self._clock.now() - started).total_seconds(), 0.0))
        )
        title = f"{experiment.name}: {experiment.candidate.reference} against {experiment.baseline.reference}"
        parts: list[RenderableType] = [
            Text(title, style="bold"),
            Text(f"{experiment.phase.replace('_', ' ')} · {since}"),
            hosts_table(experiment),
        ]
        judgement = judgement_of(experiment)
        if judgement is None:
            return Group(*parts, Text("waiting for the first samples", style="dim"))
        return Group(
            *parts,
            Text(headline(judgement, plan_of(experiment.plan)), style="bold cyan"),
            reductions_now(judgement),
            guardrails_now(judgement),
            *(Text(sentence, style="yellow") for sentence in judgement.needed),
        )


class LineView:
    """Without a terminal: a line for each phase, each host that leaves, and each batch, on stderr."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def show(self, experiment: ExperimentView) -> None:
        self._say(experiment.phase.replace("_", " "))
        for host in experiment.hosts:
            if host.state != "pending":
                self._say(f"{host.name}: {host.state}{f', {host.reason}' if host.reason else ''}")
        judgement = judgement_of(experiment)
        if judgement is not None:
            looks = max((len(state.path) for state in judgement.reductions), default=0)
            key = f"batches:{looks}"
            if key not in self._said:
                self._said.add(key)
                note(f"  {headline(judgement, plan_of(experiment.plan))}")

    def close(self) -> None:
        """There is nothing to put away."""

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            note(f"  {sentence}")


class JsonView:
    """One JSON document a line on stdout, for each new version and each new judgement; whole at the end."""

    def __init__(self) -> None:
        self._last: tuple[object, ...] | None = None

    def show(self, experiment: ExperimentView) -> None:
        now = (experiment.version, experiment.judged_at)
        if now != self._last:
            self._last = now
            print_json_line(experiment if is_ended(experiment) else _with_last_looks(experiment))

    def close(self) -> None:
        """There is nothing to put away."""


def _with_last_looks(experiment: ExperimentView) -> ExperimentView:
    """The same with the newest look of each reduction only: whole paths on every line would grow for ever."""
    judgement = experiment.judgement
    if judgement is None:
        return experiment
    short = [{**state, "path": state["path"][-1:]} for state in judgement["reductions"]]
    return msgspec.structs.replace(experiment, judgement={**judgement, "reductions": short})
