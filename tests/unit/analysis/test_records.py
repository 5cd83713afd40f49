import json
from typing import Any

import msgspec
import pytest
from tests.unit.analysis.runs import AT_END, PLAN, sample

from phoenix_platform.analysis.records import FORMAT, differences, judge_again
from phoenix_platform.analysis.verdicts import Verdict, judge
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.sample_columns import columns_of
from phoenix_platform.metering.samples import Variant


def a_record() -> dict[str, Any]:
    """A record as it lies on the disk."""
    samples = [
        sample(variant, scrape, points)
        for scrape in range(130)
        for variant, points in ((Variant.BASELINE, 1000), (Variant.CANDIDATE, 200))
    ]
    record = {
        "format": FORMAT,
        "plan": PLAN,
        "conditions": AT_END,
        "samples": columns_of(samples),
        "judgement": judge(samples, PLAN, AT_END),
    }
    decoded: dict[str, Any] = json.loads(msgspec.json.encode(record))
    return decoded


def test_the_verdict_is_reached_again_from_the_record_alone() -> None:
    record = a_record()
    again = judge_again(record)
    assert again.verdict is Verdict.PROMOTE
    assert differences(record, again) == []


def test_when_a_host_left_is_read_from_text_as_it_is_written() -> None:
    record = a_record()
    record["conditions"]["left"] = {"web-9": "1800000000000000001"}
    assert differences(record, judge_again(record)) == []


def test_a_changed_sample_shows() -> None:
    record = a_record()
    record["samples"]["series"][7] += 1
    assert "reductions: the record says" in differences(record, judge_again(record))[0]


def test_a_changed_verdict_shows() -> None:
    record = a_record()
    record["judgement"]["verdict"] = "stop_futile"
    assert differences(record, judge_again(record)) == [
        'verdict: the record says "stop_futile", its samples say "promote"'
    ]


def test_without_a_verdict_there_is_nothing_to_verify() -> None:
    record = a_record() | {"judgement": None}
    with pytest.raises(InvalidInputError, match=r"^judgement: "):
        differences(record, judge_again(record))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"format": "something/2"}, "^format: ", id="another-format"),
        pytest.param(
            {"plan": {"target_reduction": 0.3}}, "^plan or conditions: ", id="half-a-plan"
        ),
        pytest.param({"samples": {}}, "^samples: ", id="no-columns"),
    ],
)
def test_what_is_no_record_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        judge_again(a_record() | change)


def test_a_missing_part_is_named() -> None:
    record = a_record()
    del record["conditions"]
    with pytest.raises(InvalidInputError, match=r"^conditions: missing"):
        judge_again(record)
