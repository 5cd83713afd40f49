"""Every catalog entry through the real collector: what leaves for recorded scrapes is what was recorded."""

from pathlib import Path

import pytest
from tests.golden.recordings import FOLDER, configuration_of, recorded

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.documents import read_document


def test_every_entry_of_the_catalog_has_a_golden_case() -> None:
    cases = {folder.name for folder in FOLDER.iterdir() if (folder / "out.yaml").is_file()}
    assert cases == set(catalog.names())


@pytest.mark.parametrize("name", catalog.names())
def test_a_golden_case_is_the_published_entry(name: str) -> None:
    assert (FOLDER / name / "in.yaml").read_text("utf-8") == catalog.get(name).text
    assert read_document((FOLDER / name / "out.yaml").read_text("utf-8"), name="out").root


@pytest.mark.collector
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", catalog.names())
def test_what_leaves_an_entry_is_what_was_recorded(
    name: str, collector: CollectorBinary, tmp_path: Path
) -> None:
    assert recorded(configuration_of(name), collector, tmp_path) == (
        FOLDER / name / "out.yaml"
    ).read_text("utf-8")
