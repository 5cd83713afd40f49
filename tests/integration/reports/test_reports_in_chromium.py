"""Reports in a real browser: nothing loaded, nothing refused, readable by all, on every screen."""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from playwright.sync_api import Browser
from tests.integration.reports.chromium import Scheme, chromium, opened
from tests.unit.analysis.runs import DATABASE, run
from tests.unit.cli.report_subjects import a_record, hostile_record, missing_after

from phoenix_platform.cli.reports.files import write_report

pytestmark = pytest.mark.timeout(600)


RECORDS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "promoted": lambda: a_record(run(400), has_costs=True),
    "aborted": lambda: a_record(run(60, change=missing_after(40, DATABASE))),
    "hostile": hostile_record,
    "empty": lambda: a_record([], is_broken_off=True),
}


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=list(RECORDS))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(RECORDS[request.param](), tmp_path_factory.mktemp("report"))


def written(record: dict[str, Any], folder: Path) -> Path:
    source, target = folder / "trial.json", folder / "trial.html"
    source.write_bytes(msgspec.json.encode(record))
    write_report(source, target)
    return target


def test_a_report_loads_nothing_and_breaks_no_policy(browser: Browser, report: Path) -> None:
    with opened(browser, report) as seen:
        assert seen.page.locator("h1").count() == 1
        assert (seen.requests, seen.console, seen.refused()) == ([], [], [])


def test_the_policy_is_in_force(browser: Browser, report: Path) -> None:
    with opened(browser, report) as seen:
        seen.page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')"
        )
        seen.page.wait_for_function("window.refused.length > 0")
        assert seen.refused() == ["style-src-attr"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, report: Path, scheme: Scheme) -> None:
    with opened(browser, report, scheme=scheme) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert seen.serious_findings() == []


def test_axe_finds_nothing_serious_on_a_phone(browser: Browser, report: Path) -> None:
    with opened(browser, report, width=360) as seen:
        assert seen.serious_findings() == []


@pytest.mark.parametrize("width", [360, 720, 1040])
def test_no_screen_scrolls_sideways(browser: Browser, report: Path, width: int) -> None:
    with opened(browser, report, width=width) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert seen.overflow() <= 0


def test_paper_does_not_lose_the_right_edge(browser: Browser, report: Path) -> None:
    with opened(browser, report, width=680) as seen:
        seen.page.emulate_media(media="print")
        assert seen.overflow() <= 0
