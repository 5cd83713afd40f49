"""Opens a page in Debian's Chromium and writes down everything that a report must not do."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Browser, Page, Route, sync_playwright

CHROMIUM: Final = "/usr/bin/chromium"
"""Debian's: `apt-get install --no-install-recommends chromium fonts-liberation`."""
ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_AXE_SCRIPT: Final = files("axe_playwright_python") / "axe.min.js"
_AXE: Final = "async () => (await axe.run()).violations"
_LISTEN: Final = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => window.refused.push(event.violatedDirective));
"""
Scheme = Literal["light", "dark"]


@dataclass(slots=True)
class Opened:
    """A page with what happened while it was read."""

    page: Page
    console: list[str] = field(default_factory=list[str])
    requests: list[str] = field(default_factory=list[str])

    def refused(self) -> list[str]:
        """Directives of the page's own policy that something broke."""
        return list(self.page.evaluate("window.refused"))

    def overflow(self) -> int:
        """Pixels that the page is wider than the screen."""
        wide: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wide

    def serious_findings(self) -> list[str]:
        """What axe calls serious or critical, with the element. Last: it puts a script into the page."""
        self.page.evaluate(_AXE_SCRIPT.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate(_AXE)
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"][:3]
        ]


@contextmanager
def chromium() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser, report: Path, *, width: int = 1040, scheme: Scheme = "light"
) -> Generator[Opened]:
    """The report as a reader opens it; whatever it asks the network for is noted and refused."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen = Opened(page)
    page.on("console", lambda message: seen.console.append(message.text))
    page.on("pageerror", lambda error: seen.console.append(str(error)))
    page.add_init_script(_LISTEN)

    def refuse(route: Route) -> None:
        if route.request.url == report.as_uri():
            route.continue_()
        else:
            seen.requests.append(route.request.url)
            route.abort()

    page.route("**/*", refuse)
    page.set_default_timeout(120_000)
    page.goto(report.as_uri())
    try:
        yield seen
    finally:
        page.close()
