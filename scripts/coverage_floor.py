"""Hold each layer to its branch coverage: 100 % where it decides, 90 % where it acts.

Reads `.coverage` of the test run before it; `scripts/test.sh` calls it last.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from coverage import Coverage

FLOOR_OF = {
    "core": 100, "otlp": 100, "pipelines": 100, "metering": 100, "opamp": 100, "analysis": 100, "domain": 100,
    "wire": 90, "application": 90, "adapters": 90, "client": 90, "server": 90,
    "agent": 90, "cli": 90, "__main__.py": 90,
}  # fmt: skip


def main() -> int:
    coverage = Coverage()
    coverage.load()
    with TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        coverage.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    hit: dict[str, int] = defaultdict(int)
    all_: dict[str, int] = defaultdict(int)
    gaps: dict[str, list[str]] = defaultdict(list)
    for name, facts in files.items():
        layer = Path(name).parts[Path(name).parts.index("phoenix_platform") + 1]
        summary = facts["summary"]
        hit[layer] += summary["covered_lines"] + summary["covered_branches"]
        all_[layer] += summary["num_statements"] + summary["num_branches"]
        if facts["missing_lines"] or facts["missing_branches"]:
            gaps[layer].append(
                f"{name}: lines {facts['missing_lines']}, branches {facts['missing_branches']}"
            )
    is_low = False
    for layer, floor in FLOOR_OF.items():
        share = 100 * hit[layer] / all_[layer] if all_[layer] else 100.0
        print(f"{layer:12} {share:6.2f} % (at least {floor} %)")
        if share < floor:
            is_low = True
            print("\n".join(f"    {gap}" for gap in gaps[layer]))
    return int(is_low)


if __name__ == "__main__":
    sys.exit(main())
