"""Takes the pictures of `docs/report.md` with Debian's Chromium: light, dark, on a phone, on paper.

`python scripts/screenshots.py REPORT.html [FOLDER]`; the folder is `docs/images` unless given.
"""

import argparse
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, ViewportSize, sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP: ViewportSize = {"width": 1000, "height": 1000}
PHONE: ViewportSize = {"width": 360, "height": 1100}
Scheme = Literal["light", "dark"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Take pictures of a report.")
    parser.add_argument("report", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    options = parser.parse_args()
    report, folder = options.report.resolve(), options.folder
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        _take(browser, report, folder / "report-light.png", DESKTOP, "light")
        _take(browser, report, folder / "report-dark.png", DESKTOP, "dark")
        _take(browser, report, folder / "report-phone.png", PHONE, "light")
        _print(browser, report, folder / "report-paper.png")
        browser.close()


def _take(browser: Browser, report: Path, target: Path, size: ViewportSize, scheme: Scheme) -> None:
    page = browser.new_page(viewport=size, color_scheme=scheme)
    page.goto(report.as_uri())
    page.screenshot(path=target)
    page.close()
    print(target)


def _print(browser: Browser, report: Path, target: Path) -> None:
    """The first sheet on paper; needs pdftoppm of poppler-utils."""
    renderer = shutil.which("pdftoppm")
    if renderer is None:
        print("no pdftoppm (apt-get install poppler-utils): no picture of the paper")
        return
    page = browser.new_page()
    page.goto(report.as_uri())
    with TemporaryDirectory() as folder:
        paper = Path(folder) / "report.pdf"
        page.pdf(path=paper, format="A4", prefer_css_page_size=True)
        command = [
            renderer,
            "-png",
            "-r",
            "70",
            "-singlefile",
            str(paper),
            str(target.with_suffix("")),
        ]
        subprocess.run(command, check=True)
    page.close()
    print(target)


if __name__ == "__main__":
    main()
