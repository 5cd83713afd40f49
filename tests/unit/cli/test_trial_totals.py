"""What the options say about host totals and names, and how the end of a trial shows them."""

from dataclasses import replace

import pytest
from tests.unit.analysis.runs import PLAN

from phoenix_platform.analysis.fidelity import SignalFidelity
from phoenix_platform.cli import words
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.cli.trial.options import preserves_totals, share_or_none, totals_sentences
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.samples import Variant


@pytest.mark.parametrize(
    ("reference", "accepts_loss", "preserves"),
    [
        pytest.param("process-baseline-v1", True, True, id="the-catalog-says-so"),
        pytest.param("process-priority-v1", False, False, id="the-catalog-says-not"),
        pytest.param("my.yaml", False, True, id="ones-own-must"),
        pytest.param("my.yaml", True, False, id="ones-own-need-not"),
    ],
)
def test_what_a_pipeline_declares_of_its_totals(
    reference: str, accepts_loss: bool, preserves: bool
) -> None:
    assert preserves_totals(reference, accepts_loss=accepts_loss) is preserves


@pytest.mark.parametrize(
    ("preserved", "accepted", "sentence"),
    [
        pytest.param(True, False, None, id="kept"),
        pytest.param(False, False, "without --accept-lost-totals it cannot be promoted", id="lost"),
        pytest.param(False, True, "their loss is accepted", id="accepted"),
        pytest.param(True, True, "so it must", id="accepted-in-vain"),
    ],
)
def test_what_is_said_of_totals_before_the_start(
    preserved: bool, accepted: bool, sentence: str | None
) -> None:
    plan = replace(PLAN, totals_preserved=preserved, accept_lost_totals=accepted)
    said = " ".join(totals_sentences(plan))
    assert said == "" if sentence is None else sentence in said


def test_a_minimum_of_names_may_be_left_out() -> None:
    assert share_or_none(None, field="--min-recall") is None
    assert share_or_none("80%", field="--min-recall") == 0.8
    with pytest.raises(InvalidInputError, match=r"^--min-recall: "):
        share_or_none("8", field="--min-recall")


def a_signal(coverage: float | None = 0.382, recall: float | None = 0.71) -> SignalFidelity:
    return SignalFidelity(
        variant=Variant.CANDIDATE,
        signal="cpu",
        samples=9,
        coverage=coverage,
        recall=recall,
        effective_raw=42.0,
        effective_lost=30.0,
    )


def test_what_is_shown_by_name_is_two_shares_and_a_number() -> None:
    assert words.by_name(a_signal()) == "38.2 %, 71.0 %"
    shown = words.effective_numbers({Variant.CANDIDATE: a_signal()})
    assert shown == "42.0 raw, 12.0 behind the candidate"


@pytest.mark.parametrize("signal", [None, a_signal(coverage=None), a_signal(recall=None)])
def test_what_was_not_measured_by_name_is_no_data(signal: SignalFidelity | None) -> None:
    assert words.by_name(signal) == NO_DATA
    assert words.effective_numbers({}) == NO_DATA
