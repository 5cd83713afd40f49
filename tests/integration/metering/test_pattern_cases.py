"""A pattern means the same to metering and to `reduce`: `patterns_test.go` reads the same table of cases."""

import json
from pathlib import Path
from typing import Any

import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.patterns import ATTRIBUTE_OF_PREFIX, parse_pattern

CASES: dict[str, Any] = json.loads(
    Path(__file__)
    .parents[3]
    .joinpath("collector/processor/reduceprocessor/testdata/patterns.json")
    .read_text("utf-8")
)


@pytest.mark.parametrize(
    "case",
    CASES["matching"],
    ids=lambda case: f"{case['pattern']!a} and {case['field']} {case['value']!a}",
)
def test_a_pattern_means_what_it_means_to_reduce(case: dict[str, Any]) -> None:
    attributes = {ATTRIBUTE_OF_PREFIX[case["field"]]: case["value"]}
    assert parse_pattern(case["pattern"]).matches(attributes) is case["matches"]


@pytest.mark.parametrize("text", CASES["refused"] + CASES["refused_by_metering"], ids=ascii)
def test_what_is_no_pattern_there_or_would_mean_something_else_here_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^--critical: "):
        parse_pattern(text, field="--critical")
