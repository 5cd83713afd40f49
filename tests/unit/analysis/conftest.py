"""What tests of the analysis may ask for."""

from collections.abc import Callable

import pytest

Measured = Callable[[str, str], None]
"""Note a row of the acceptance table: what it must show, and what it shows here."""


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    def note(must: str, seen: str) -> None:
        record_property("must", must)
        record_property("seen", seen)

    return note
