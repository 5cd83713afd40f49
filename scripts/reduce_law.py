"""Tries the law of the reduce processor on random intervals until there were enough of them.

    python scripts/reduce_law.py [--intervals 1000000] [--seed 1]

Builds the processor's tests once and runs the property tests with one seed after the other; each run prints
how many intervals it drew. A violation ends it with exit code 1 and the history that rapid shrank it to.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODULE = Path(__file__).resolve().parent.parent / "collector/processor/reduceprocessor"
CHECKS_OF_A_RUN = {
    "TestWhatLeavesIsWhatCameIn": 4000,
    # Restarts over the real file storage cost more than what they add.
    "TestTheLawHoldsOverRestartsWithStorage": 400,
}
DRAWN = re.compile(r"(\d+) intervals drawn")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--intervals", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    began, drawn, seed = time.monotonic(), 0, wanted.seed
    with tempfile.TemporaryDirectory() as folder:
        tests = Path(folder, "reduce.test")
        subprocess.run(["go", "test", "-c", "-o", str(tests), "."], cwd=MODULE, check=True)
        while drawn < wanted.intervals:
            for name, checks in CHECKS_OF_A_RUN.items():
                run = _run(tests, name, checks, seed)
                if run.returncode != 0:
                    print(run.stdout + run.stderr)
                    print(f"VIOLATED after {drawn} intervals, seed {seed}")
                    return 1
                drawn += sum(map(int, DRAWN.findall(run.stdout)))
            seconds = time.monotonic() - began
            print(
                f"seed {seed}: {drawn} intervals without a violation, {seconds:.0f} s", flush=True
            )
            seed += 1
    print(f"{drawn} random intervals, 0 violations, seeds {wanted.seed} to {seed - 1}")
    return 0


def _run(tests: Path, name: str, checks: int, seed: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            str(tests),
            f"-test.run=^{name}$",
            "-test.v",
            "-test.timeout=1h",
            f"-rapid.seed={seed}",
            f"-rapid.checks={checks}",
            "-rapid.nofailfile",
        ],
        cwd=MODULE,
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
