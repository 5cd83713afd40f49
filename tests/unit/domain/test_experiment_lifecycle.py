"""Every phase and every trigger."""

from itertools import product

import pytest

from phoenix_platform.domain.experiment_lifecycle import (
    ENDED,
    ON_HOSTS,
    OPEN,
    TRANSITIONS,
    IllegalTransitionError,
    Phase,
    Trigger,
    next_phase,
)


@pytest.mark.parametrize(("phase", "trigger"), list(product(Phase, Trigger)))
def test_a_move_is_legal_if_and_only_if_it_is_in_the_table(phase: Phase, trigger: Trigger) -> None:
    if trigger in TRANSITIONS[phase]:
        assert next_phase(phase, trigger) is TRANSITIONS[phase][trigger]
    else:
        with pytest.raises(IllegalTransitionError, match=f"cannot {trigger}"):
            next_phase(phase, trigger)


def test_every_phase_is_draft_open_or_ended() -> None:
    assert OPEN | ENDED | {Phase.DRAFT} == frozenset(Phase)
    assert ON_HOSTS < OPEN


def test_every_phase_can_be_reached_and_left_or_is_an_end() -> None:
    reached = {phase for exits in TRANSITIONS.values() for phase in exits.values()}
    assert reached == frozenset(Phase) - {Phase.DRAFT}
    assert frozenset({Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED}) == ENDED
