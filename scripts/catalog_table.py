"""Measures every entry of the catalog under every load profile, and writes what came out where it is read.

    python -m scripts.catalog_table [--records DIR] [--from DIR] [--seconds 150] [--seed 1] [--at-once 2]

`make catalog-table` runs it. Into `docs/catalog-table.md` goes the table, into the catalog the data behind it.
Trials whose record is in DIR are not run again; `--from` runs none.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Final

from scripts.catalog_page import page_of
from scripts.catalog_rows import as_data, effects_in
from scripts.catalog_trials import Setup, run_all

from phoenix_platform.core.errors import PhoenixError
from phoenix_platform.pipelines.emission import write_document

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "catalog-table.md"
DATA: Final = ROOT / "src/phoenix_platform/pipelines/catalog/measured.yaml"
_WRITTEN: Final = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end of the table -->)", re.DOTALL)
_DATA_HEAD: Final = (
    "# Measured effects of the entries. Written by `make catalog-table`; do not edit.\n"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=Path, default=ROOT / "build" / "catalog-table")
    parser.add_argument(
        "--from", dest="made", type=Path, help="records that are there; run nothing"
    )
    parser.add_argument("--seconds", type=int, default=150, help="the most a trial may take")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=2)
    wanted = parser.parse_args()
    problems: list[str] = []
    if wanted.made is None:
        setup = Setup(
            folder=wanted.records,
            seconds=wanted.seconds,
            seed=wanted.seed,
            at_once=wanted.at_once,
        )
        problems = run_all(setup)
    try:
        _write(wanted.made or wanted.records)
    except PhoenixError as error:
        problems.append(str(error))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _write(folder: Path) -> None:
    effects = effects_in(folder)
    page = PAGE.read_text("utf-8")
    table = page_of(effects)
    PAGE.write_text(_WRITTEN.sub(lambda _: table, page), "utf-8")
    DATA.write_text(_DATA_HEAD + write_document(as_data(effects)), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} and {DATA.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
