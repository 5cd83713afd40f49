"""Prints the table: `.venv/bin/python -m tests.ground_truth`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.ground_truth.comparison import compare, table
from tests.ground_truth.stage import play

from phoenix_platform.agent.binaries import find_collector
from phoenix_platform.agent.settings import AgentSettings


def main() -> int:
    binary = find_collector(None, AgentSettings()).path
    with tempfile.TemporaryDirectory() as folder:
        played = asyncio.run(play(binary, Path(folder)))
    sys.stdout.write(table(played) + "\n")
    wrong = [
        f"{one.case.name}: {name}: {text}"
        for one in played
        for name, differences in compare(one).items()
        for text in differences[:2]
    ]
    sys.stdout.write("\n".join(wrong) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
