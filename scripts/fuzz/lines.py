"""Which of the kernel's own lines were reached: gcov's counts for .pyx, .pxi and .h, not for Cython's boilerplate.

Called by run.sh with the folder of the build and that of the sources; fails below the floor.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

FLOOR = 0.95


def main() -> None:
    build, sources = map(Path, sys.argv[1:])
    counts = _counts(build, sources)
    unreached = []
    print(f"{'file':18}{'lines':>7}{'reached':>9}")
    for path, lines in sorted(counts.items()):
        reached = sum(count > 0 for count in lines.values())
        print(f"{path.name:18}{len(lines):7}{reached:9}")
        text = path.read_text(encoding="utf-8").splitlines()
        unreached += [
            f"  {path.name}:{line}: {text[line - 1].strip()}"
            for line, count in sorted(lines.items())
            if not count
        ]
    total = sum(map(len, counts.values()))
    share = 1 - len(unreached) / total
    print(f"{'all':18}{total:7}{total - len(unreached):9}  {share:.1%}")
    print("not reached:", *unreached, sep="\n")
    if share < FLOOR:
        sys.exit(
            f"error: {share:.1%} of the lines reached, {FLOOR:.0%} wanted\n  fix: `make fuzz` for longer, with --keep"
        )


def _counts(build: Path, sources: Path) -> dict[Path, dict[int, int]]:
    """Executions by line and file of ours."""
    command = ["gcov", "--json-format", "--stdout", str(next(build.glob("*.gcda")))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    statements = _statements(build / "kernel.c")
    counts: dict[Path, dict[int, int]] = {}
    for document in done.stdout.splitlines():
        for file in json.loads(document)["files"]:
            path = sources / Path(file["file"]).name
            if path.suffix not in {".h", ".pyx", ".pxi"} or not path.exists():
                continue
            lines = counts.setdefault(path, {})
            for line in file["lines"]:
                number = line["line_number"]
                if path.suffix == ".h" or number in statements[path.name]:
                    lines[number] = max(lines.get(number, 0), line["count"])
    return counts


def _statements(translated: Path) -> dict[str, set[int]]:
    """Which lines Cython made code of, by file: it quotes each above its code."""
    statements: dict[str, set[int]] = defaultdict(set)
    for name, number in re.findall(
        r'/\* "[^"]*?([^/"]+)":(\d+)\n', translated.read_text(encoding="utf-8")
    ):
        statements[name].add(int(number))
    return statements


if __name__ == "__main__":
    main()
