"""Three ways to watch a trial: a live screen, one line a batch, one JSON event a line."""

import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from phoenix_platform.analysis.plans import Plan
from phoenix_platform.analysis.verdicts import Judgement
from phoenix_platform.cli import words
from phoenix_platform.cli.judgements import headline
from phoenix_platform.cli.output import discard, note
from phoenix_platform.cli.trial.live import screen_of
from phoenix_platform.cli.trial.snapshot import Snapshot
from phoenix_platform.cli.trial.waiting import waiting_for
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.core.units import show_duration

_FIRST_LINE_AFTER_SCRAPES = 5


class View(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def progress(self, message: str) -> None:
        """A step of the set-up."""
        ...

    def show(self, snapshot: Snapshot) -> None:
        """The state after an interval."""
        ...


class ScreenView:
    """For a terminal: one screen that is drawn again twice a second, on stderr."""

    def __init__(self, plan: Plan, title: str) -> None:
        self._plan, self._title = plan, title
        self._live = Live(
            console=Console(stderr=True),
            refresh_per_second=2,
            transient=True,
            vertical_overflow="crop",
        )
        self._is_live = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_live:
            with suppress(OSError):  # the terminal may be closed
                self._live.stop()

    def progress(self, message: str) -> None:
        note(f"  {message}")

    def show(self, snapshot: Snapshot) -> None:
        if not self._is_live:
            self._is_live = True
            with suppress(OSError):
                self._live.start()
        self._live.update(screen_of(snapshot, self._plan, self._title))


class _Unframed:
    """A view that opens nothing and so has nothing to put away."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave everything as it is."""


class LineView(_Unframed):
    """Without a terminal: one line after the first scrapes and at every batch end, on stderr."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._looks = -1

    def progress(self, message: str) -> None:
        note(f"  {message}")

    def show(self, snapshot: Snapshot) -> None:
        judgement = snapshot.judgement
        if (
            judgement is None
            or judgement.intervals < _FIRST_LINE_AFTER_SCRAPES - self._plan.discarded_scrapes
        ):
            return
        looks = len(_objective_path(judgement))
        if looks == self._looks:
            return
        self._looks = looks
        critical = snapshot.last
        missing = sum(len(sample.critical_missing) for sample in critical.values())
        use = ", ".join(f"{name} {words.cores(use.cores)}" for name, use in snapshot.use.items())
        awaited = waiting_for(judgement.guardrails, snapshot.batches)
        note(
            f"  {show_duration(snapshot.elapsed_seconds)}: {headline(judgement, self._plan)}; "
            f"critical missing {missing}; CPU {use}{awaited and f'; waiting for: {awaited}'}"
        )


class JsonView(_Unframed):
    """One event a line on stdout; the last is the verdict."""

    def progress(self, message: str) -> None:
        print_event("progress", message=message)

    def show(self, snapshot: Snapshot) -> None:
        judgement = snapshot.judgement
        print_event(
            "interval",
            elapsed_seconds=snapshot.elapsed_seconds,
            scrapes=snapshot.scrapes,
            lost_scrapes=snapshot.lost_scrapes,
            samples={variant.value: sample for variant, sample in snapshot.last.items()},
            use=snapshot.use,
            host_cpu_share=snapshot.host_cpu_share,
            judgement=None if judgement is None else _without_paths(judgement),
        )


def print_event(event: str, **facts: Any) -> None:
    """One event on stdout.

    Raises:
        UnavailableError: If nobody reads it any more: then there is nobody to run for.
    """
    try:
        typer.echo(msgspec.json.encode({"event": event, **facts}).decode())
    except OSError as error:
        discard(sys.stdout)
        raise UnavailableError(
            "output: nobody reads it any more; let the reader stay, or write to a file"
        ) from error


def _objective_path(judgement: Judgement) -> tuple[object, ...]:
    return next(
        state.path for state in judgement.reductions if state.objective is judgement.objective
    )


def _without_paths(judgement: Judgement) -> dict[str, Any]:
    """The judgement with the last look only: whole paths in every event would grow for ever."""
    facts: dict[str, Any] = msgspec.to_builtins(judgement)
    for state in facts["reductions"]:
        state["last_look"] = state.pop("path")[-1:]
    return facts
