"""Runs every benchmark of this folder: a table, and one JSON line each in `bench/results.jsonl`.

`make bench` calls it. A result is a ratio within one run; absolute figures are this machine's.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(
    0, str(ROOT)
)  # the benchmarks read recorded bodies and the plain decoder of the tests

from bench import decode, metering  # noqa: E402 - after the path

RESULTS = ROOT / "bench" / "results.jsonl"


def main() -> None:
    results = [*decode.run(), *metering.run()]
    rows = [
        (
            str(one["name"]),
            f"{one['value']:,.4g}",
            str(one["unit"]),
            f"{one['ratio']:.3g} x {one['against']}" if one["against"] else "",
        )
        for one in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, value, unit, against in rows:
        print(f"{name:{widths[0]}}  {value:>{widths[1]}}  {unit:{widths[2]}}  {against}")
    with RESULTS.open("a") as file:
        file.writelines(json.dumps(one) + "\n" for one in results)
    print(
        f"\n{results[0]['machine']}, commit {results[0]['commit']}; appended to {RESULTS.relative_to(ROOT)}"
    )


if __name__ == "__main__":
    main()
