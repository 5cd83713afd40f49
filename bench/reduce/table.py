"""Prints what `go test -bench Scrape` measured as a table, medians; `bench/reduce/run.sh` calls it.

Exit code 1 if reduce is not at least five times as fast as the stock chain on the same data.
"""

import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

LINE: Final = re.compile(r"BenchmarkScrape/(\S+?)/(\d+)(?:-\d+)?\s+\d+\s+(.*)")
WANTED: Final = 5.0


def main() -> int:
    seen: dict[tuple[int, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in Path(sys.argv[1]).read_text().splitlines():
        if found := LINE.match(line):
            words = found[3].split()
            for value, unit in zip(words[::2], words[1::2], strict=True):
                seen[int(found[2]), found[1]][unit].append(float(value))
    print(
        f"{'processes':>9}  {'chain':20} {'CPU a scrape':>13} {'a point':>9} {'allocations':>12} {'memory':>10}  as fast"
    )
    is_slow = False
    for (processes, chain), units in sorted(seen.items()):
        cpu, point, allocations, memory = (
            statistics.median(units[unit])
            for unit in ("cpu-ns/op", "cpu-ns/point", "allocs/op", "B/op")
        )
        ratio = statistics.median(seen[processes, "stock-by-name"]["cpu-ns/op"]) / cpu
        is_slow |= chain.startswith("reduce") and ratio < WANTED
        print(
            f"{processes:9,}  {chain:20} {cpu / 1e6:10.2f} ms {point:6.0f} ns {allocations:12,.0f} {memory / 1e6:7.2f} MB"
            f"  {ratio:.1f} x the stock chain"
        )
    return int(is_slow)


if __name__ == "__main__":
    sys.exit(main())
