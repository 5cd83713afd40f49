from pathlib import Path

import pytest
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("target", TARGETS)
def test_what_fuzzing_found_worth_keeping_raises_no_finding(target: str) -> None:
    inputs = sorted((CORPUS / target).iterdir())
    assert len(inputs) > 50
    for path in inputs:
        TARGETS[target](path.read_bytes())
