"""Prints the acceptance table of the statistics: each promise, what it must show, what it shows here.

`make acceptance-table` runs it: the tests that measure a promise are the rows, so that the table and
the tests cannot differ. Ends with 1 if a row does not hold.
"""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
FILES = ("unit/analysis/test_acceptance.py", "unit/analysis/test_means.py", "recorded/series")


@dataclass(eq=False)  # plugins are kept in sets
class Rows:
    """A plugin of pytest that keeps what the tests measured."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list[tuple[str, str, str, str]])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call":
            return
        properties = {name: str(value) for name, value in report.user_properties}
        if "must" in properties or report.failed:
            name, _, case = report.nodeid.rpartition("::")[2].partition("[")
            promise = name.removeprefix("test_").replace("_", " ")
            shown = f"{promise} ({case.removesuffix(']')})" if case else promise
            seen = properties.get("seen", "see above")
            holds = "yes" if report.passed else "NO"
            self.rows.append((shown, properties.get("must", ""), seen, holds))


def main() -> int:
    rows, began = Rows(), time.monotonic()
    files = [str(ROOT / "tests" / name) for name in FILES]
    code = pytest.main([*files, "-q", "-p", "no:randomly", "--no-header"], [rows])
    table = Table(title="Acceptance of the statistics", title_justify="left")
    for column in ("promise", "must show", "shows here", "holds"):
        table.add_column(column, overflow="fold")
    for row in rows.rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    print(f"{len(rows.rows)} rows in {time.monotonic() - began:.0f} s")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
