import pytest

from phoenix_platform.analysis.guardrails import GuardrailResult, GuardrailStatus
from phoenix_platform.analysis.plans import GuardrailName
from phoenix_platform.cli.trial.waiting import waiting_for


def a_result(name: GuardrailName, status: GuardrailStatus) -> GuardrailResult:
    return GuardrailResult(
        name=name, status=status, value=None, bound=None, limit=0.0, unit="1", reason=""
    )


@pytest.mark.parametrize(
    ("status", "batches", "words"),
    [
        pytest.param(GuardrailStatus.PENDING, 3, "totals (pending, 3 of 5 batches)", id="too-few"),
        pytest.param(
            GuardrailStatus.PENDING, 8, "totals (pending, still open after 8 batches)", id="open"
        ),
        pytest.param(GuardrailStatus.PENDING, None, "totals (pending)", id="without-bounds"),
        pytest.param(GuardrailStatus.NO_DATA, 0, "totals (no data)", id="no-data"),
        pytest.param(GuardrailStatus.PASS, 6, "", id="passed"),
        pytest.param(GuardrailStatus.ACCEPTED, 6, "", id="accepted"),
        pytest.param(GuardrailStatus.ABORT, 6, "", id="broken-is-not-awaited"),
    ],
)
def test_a_guardrail_is_awaited_while_it_may_still_come_to_hold(
    status: GuardrailStatus, batches: int | None, words: str
) -> None:
    counts: dict[str, int] = {} if batches is None else {GuardrailName.TOTALS: batches}
    assert waiting_for([a_result(GuardrailName.TOTALS, status)], counts) == words


def test_all_that_are_awaited_stand_in_their_order() -> None:
    results = [
        a_result(GuardrailName.CRITICAL_RETENTION, GuardrailStatus.NO_DATA),
        a_result(GuardrailName.DATA_LOSS, GuardrailStatus.PENDING),
    ]
    assert waiting_for(results, {}) == "critical retention (no data), data loss (pending)"
