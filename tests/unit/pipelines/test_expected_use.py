"""What is said before a start: from the figures in the module, nothing else."""

from datetime import timedelta

import pytest

from phoenix_platform.pipelines.expected_use import expected_cores


def test_the_scraper_and_both_variants_are_in_it() -> None:
    second = expected_cores(500, timedelta(seconds=1))
    assert second == pytest.approx(500 * (0.19e-3 + 2 * 7 * 6.3e-6))
    assert expected_cores(500, timedelta(seconds=10)) == pytest.approx(second / 10)
    assert expected_cores(0, timedelta(seconds=1)) == 0
