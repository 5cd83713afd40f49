"""What a fault did to a trial, gathered the same way for the tests and for the table of faults."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.programs import Program

PATIENCE_SECONDS = 120.0
"""The machine may be busy; a fault that hangs fails all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOutcome:
    code: int
    verdict: str | None
    """None where the trial gave none."""
    message: str
    """What the user reads first: the verdict's first reason, or the error."""
    log_lines: tuple[str, ...]
    """The last lines of the collector that failed, as the trial shows them."""
    leftovers: tuple[str, ...]
    has_traceback: bool


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder, a collector, and programs in it."""

    folder: Path
    collector: Path
    programs: list[Program] = field(default_factory=list[Program])

    def program(self, name: str = "run", *wrapped_in: str) -> Program:
        folder = self.folder / name
        folder.mkdir()
        program = Program(folder, wrapped_in)
        self.programs.append(program)
        return program

    def end_all(self) -> None:
        """End what a failed test left running."""
        for program in self.programs:
            if program.process.poll() is None:
                program.process.kill()
                program.process.wait()

    def trial(self, *arguments: str, collector: Path | None = None) -> Program:
        return self.start(self.program(), *arguments, collector=collector)

    def start(
        self,
        program: Program,
        *arguments: str,
        collector: Path | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Program:
        program.stdout_descriptor, program.stderr_descriptor = stdout, stderr
        return program.start(
            "trial", "--collector", str(collector or self.collector), "--interval", "1s",
            "--max-host-cpu", "95%", "--record", "record.json", "--output", "json", *arguments,
        )  # fmt: skip

    def script(self, name: str, text: str) -> Path:
        """An executable shell script in place of the collector; `$COLLECTOR` in it is the real one."""
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text.replace("$COLLECTOR", str(self.collector)))
        path.chmod(0o755)
        return path

    def pipeline(self, text: str) -> str:
        path = self.folder / "candidate-of-mine.yaml"
        path.write_text(text)
        return str(path)


def samples_of(program: Program) -> int:
    return sum(bool(event.get("samples")) for event in program.events())


def wait_for_samples(program: Program, count: int = 2) -> None:
    wait_until(program, lambda: samples_of(program) >= count)


def wait_until(program: Program, is_so: Callable[[], bool]) -> None:
    program.wait_until(lambda: is_so() or program.process.poll() is not None, PATIENCE_SECONDS)
    assert program.process.poll() is None, f"ended too early: {program.stderr}"


def outcome_of(program: Program, patience_seconds: float = PATIENCE_SECONDS) -> FaultOutcome:
    code = program.wait(patience_seconds)
    last = _last_event(program)
    is_verdict = last.get("event") == "verdict"
    errors = [line for line in program.stderr.splitlines() if not line.startswith("  ")]
    notes = [str(note) for note in last.get("notes", ())]
    return FaultOutcome(
        code=code,
        verdict=str(last["verdict"]) if is_verdict else None,
        message=" ".join(last["judgement"]["reasons"]) if is_verdict else " ".join(errors[-1:]),
        log_lines=tuple(
            note.removeprefix("last log line: ")
            for note in notes
            if note.startswith("last log line")
        ),
        leftovers=tuple(program.leftovers()),
        has_traceback="Traceback" in program.stderr,
    )


def _last_event(program: Program) -> dict[str, Any]:
    lines = [line for line in program.stdout.splitlines() if line.startswith("{")]
    last: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return last
