"""Runs the trials behind the table of the catalog: every entry against the baseline under every load profile.

Called by `catalog_table.py`. One record per trial in a folder; a record that is there is not made again, so a
run that was stopped goes on where it was. Each trial sees no process of the machine but its own.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phoenix_platform.agent.load.profiles import PROFILES
from phoenix_platform.pipelines import catalog

BASELINE: Final = "process-baseline-v1"
CRITICAL_NAMES: Final = ("phx-api", "phx-db")
"""Those that an operator would name, in the profiles that run them."""

SUMMED_BY_NAME: Final = frozenset({"process-aggregated-v1", "process-aggregated-stock-v1"})
"""Entries that keep names, never a process: a critical process is visible there as long as its name is."""

_NAMESPACES: Final = (
    ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
    ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"),
)
"""As root, and as anybody where the kernel lets users have namespaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    folder: Path
    seconds: int
    """How long a trial may take, and takes unless it reaches a verdict before."""
    seed: int
    at_once: int


@dataclass(frozen=True, slots=True)
class Case:
    entry: str
    profile: str

    def record(self, folder: Path) -> Path:
        return folder / f"{self.profile}--{self.entry}.json"

    @property
    def critical(self) -> tuple[str, ...]:
        """Names of `CRITICAL_NAMES` that this profile runs."""
        running = {role.name for role in PROFILES[self.profile].roles}
        return tuple(name for name in CRITICAL_NAMES if name in running)


def cases() -> tuple[Case, ...]:
    """By entry, then by profile: trials that run at once then hardly ever have the largest profile twice."""
    return tuple(Case(entry, profile) for entry in catalog.names() for profile in PROFILES)


def run_all(setup: Setup) -> list[str]:
    """Make every record that is missing; what did not work, a sentence each."""
    setup.folder.mkdir(parents=True, exist_ok=True)
    isolation = _isolation()
    _write_conditions(setup, is_isolated=bool(isolation))
    missing = [case for case in cases() if not case.record(setup.folder).exists()]
    print(
        f"{len(missing)} trials to run, {len(cases()) - len(missing)} records are there", flush=True
    )
    lock = threading.Lock()

    def run(case: Case) -> str | None:
        problem = _run(case, setup, isolation)
        with lock:
            print(f"{case.profile}, {case.entry}: {problem or 'done'}", flush=True)
        return problem and f"{case.profile}, {case.entry}: {problem}"

    with ThreadPoolExecutor(setup.at_once) as pool:
        try:
            return [problem for problem in pool.map(run, missing) if problem]
        except KeyboardInterrupt:  # which the trials of this terminal got as well
            pool.shutdown(cancel_futures=True)
            raise


def _run(case: Case, setup: Setup, isolation: Sequence[str]) -> str | None:
    record = case.record(setup.folder)
    if record.exists():  # another run of the same folder was here
        return None
    command = [
        *isolation,
        *(sys.executable, "-m", "phoenix_platform", "trial"),
        *("--baseline", BASELINE, "--candidate", case.entry),
        *("--seed-load", case.profile, "--seed", str(setup.seed)),
        *("--interval", "1s", "--max-duration", f"{setup.seconds}s", "--max-host-cpu", "99%"),
        *("--record", str(record), "--report", str(record.with_suffix(".html"))),
    ]
    if not catalog.get(
        case.entry
    ).totals_preserved:  # known before; else it ends before the rest is known
        command.append("--accept-lost-totals")
    if case.entry in SUMMED_BY_NAME:
        command += ["--critical-identity", "name"]
    for name in case.critical:
        command += ["--critical", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    record.with_suffix(".log").write_text(done.stdout + done.stderr, "utf-8")
    if record.exists():  # any verdict will do
        return None
    last = (done.stderr.strip() or "no message").splitlines()[-1]
    return f"no record, exit code {done.returncode}: {last}"


def _isolation() -> tuple[str, ...]:
    """What puts a trial among processes of its own; empty where nothing can."""
    for command in _NAMESPACES:
        try:
            subprocess.run([*command, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    return ()


def _write_conditions(setup: Setup, *, is_isolated: bool) -> None:
    """What the records do not say of the machine and of how they were made."""
    facts = {"processor": _processor(), "is_isolated": is_isolated, "at_once": setup.at_once}
    (setup.folder / "conditions.json").write_text(json.dumps(facts), "utf-8")


def _processor() -> str | None:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return None
