"""Prints the table of faults as measured on this machine: `python tests/e2e/fault_table.py [ID…]`.

A row is what was done, the exit code, the verdict, what the user reads, and what was left behind.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[2]))

import typer
from tests.e2e.fault_outcomes import Bench, FaultOutcome
from tests.e2e.faults import FAULTS, Fault

from phoenix_platform.agent.binaries import find_collector
from phoenix_platform.agent.settings import AgentSettings

_LONGEST_MESSAGE: Final = 170


def main(names: Iterable[str]) -> int:
    """Put a trial through the faults of these names, or through all; 1 if one had another outcome."""
    chosen = set(names) or {fault.id for fault in FAULTS}
    collector = find_collector(None, AgentSettings()).path
    typer.echo("| what was done | exit code, verdict | what the user reads | left | time |")
    typer.echo("|---|---|---|---|---|")
    as_expected = [_try(fault, collector) for fault in FAULTS if fault.id in chosen]
    typer.echo(f"\n{sum(as_expected)} of {len(as_expected)} faults had the outcome they must have.")
    return 0 if all(as_expected) else 1


def _try(fault: Fault, collector: Path) -> bool:
    with TemporaryDirectory(prefix="phoenix-fault-") as folder:
        bench, began = Bench(Path(folder), collector), time.monotonic()
        try:
            outcome = fault.happens(bench)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            typer.echo(f"| {fault.what} | FAILED | {error} | | |")
            return False
        finally:
            bench.end_all()
    typer.echo(_row(fault, outcome, folder, time.monotonic() - began))
    return (
        outcome.code == fault.code
        and re.search(fault.message, outcome.message) is not None
        and bool(outcome.log_lines) == fault.has_log_lines
        and not outcome.leftovers
        and not outcome.has_traceback
    )


def _row(fault: Fault, outcome: FaultOutcome, folder: str, seconds: float) -> str:
    message = outcome.message.replace("|", "\\|").replace(folder, "…") or "(nobody could read it)"
    if len(message) > _LONGEST_MESSAGE:
        message = f"{message[:_LONGEST_MESSAGE].rstrip()}…"
    shown = f"{message} (+ {len(outcome.log_lines)} log lines)" if outcome.log_lines else message
    left = "TRACEBACK" if outcome.has_traceback else ", ".join(outcome.leftovers) or "nothing"
    verdict = outcome.verdict or "none"
    return f"| {fault.what} | {outcome.code}, {verdict} | {shown} | {left} | {seconds:.0f} s |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
