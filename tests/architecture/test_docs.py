from pathlib import Path

import pytest
from scripts.write_reference import FOLDER, pages

from phoenix_platform.metering.metrics import ADDITIVITY_OF

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", list(pages()))
def test_the_reference_is_what_the_code_says(name: str) -> None:
    written = (FOLDER / name).read_text("utf-8")
    assert written == pages()[name], "run: python scripts/write_reference.py"


@pytest.mark.parametrize(
    "page",
    [
        "trial.md",
        "statistics.md",
        "guardrails.md",
        "pipelines.md",
        "collector.md",
        "loadsim.md",
        "faults.md",
        "report.md",
        "architecture.md",
        "database.md",
    ],
)
def test_every_page_is_reached_from_the_readme(page: str) -> None:
    assert f"docs/{page}" in (ROOT / "README.md").read_text("utf-8")


def test_every_summed_metric_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "trial.md").read_text("utf-8")
    assert [name for name in ADDITIVITY_OF if f"`{name}`" not in page] == []
