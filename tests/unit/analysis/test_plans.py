"""A plan is right from birth, and survives JSON."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.analysis.runs import PLAN

from phoenix_platform.analysis.plans import GuardrailName, Objective, Plan
from phoenix_platform.core.errors import InvalidInputError


@pytest.mark.parametrize(
    "change",
    [
        {"target_reduction": 0.0},
        {"target_reduction": 1.0},
        {"alpha": 1.5},
        {"max_unpaired_share": 0.0},
        {"interval": timedelta(0)},
        {"production_interval": timedelta(seconds=-1)},
        {"max_duration": timedelta(0)},
        {"min_duration": timedelta(0)},
        {"g": 0.0},
        {"cpu_limit_cores": 0.0},
        {"rss_margin_bytes": 0},
        {"min_intervals_for_unpaired": 0},
        {"discarded_scrapes": -1},
        {"must_have_data": (GuardrailName.CPU, GuardrailName.CPU)},
    ],
    ids=str,
)
def test_a_wrong_plan_is_refused_by_the_name_of_its_field(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=f"^{next(iter(change))}: "):
        replace(PLAN, **change)


def test_a_plan_is_the_same_after_json() -> None:
    plan = replace(PLAN, objective=Objective.BYTES, min_duration=None)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_no_scrape_need_be_left_out() -> None:
    assert replace(PLAN, discarded_scrapes=0).discarded_scrapes == 0
