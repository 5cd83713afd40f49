"""Where an experiment stands, and what moves it: one table, one function; nothing else compares phases."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from phoenix_platform.core.errors import ConflictError


class Phase(StrEnum):
    """Where an experiment stands. What was found is its verdict, never this."""

    DRAFT = "draft"
    VALIDATING = "validating"
    DEPLOYING = "deploying"
    WARMING_UP = "warming_up"
    RUNNING = "running"
    ANALYZING = "analyzing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    START = "start"
    DEPLOY = "deploy"
    WARM_UP = "warm_up"
    RUN = "run"
    ANALYZE = "analyze"
    CONCLUDE = "conclude"
    FAIL = "fail"
    CANCEL = "cancel"


class IllegalTransitionError(ConflictError):
    """The experiment is in a phase that this trigger cannot leave."""

    code = "illegal-transition"


_EXITS: Final = {Trigger.FAIL: Phase.FAILED, Trigger.CANCEL: Phase.CANCELLED}
TRANSITIONS: Final[Mapping[Phase, Mapping[Trigger, Phase]]] = {
    Phase.DRAFT: {Trigger.START: Phase.VALIDATING, Trigger.CANCEL: Phase.CANCELLED},
    Phase.VALIDATING: {Trigger.DEPLOY: Phase.DEPLOYING, **_EXITS},
    # Samples may decide, and a user may stop, before every host is past its first scrapes.
    Phase.DEPLOYING: {Trigger.WARM_UP: Phase.WARMING_UP, **_EXITS},
    Phase.WARMING_UP: {Trigger.RUN: Phase.RUNNING, Trigger.ANALYZE: Phase.ANALYZING, **_EXITS},
    Phase.RUNNING: {Trigger.ANALYZE: Phase.ANALYZING, **_EXITS},
    Phase.ANALYZING: {Trigger.CONCLUDE: Phase.COMPLETED, **_EXITS},
    Phase.COMPLETED: {},
    Phase.FAILED: {},
    Phase.CANCELLED: {},
}
ENDED: Final = frozenset(phase for phase, exits in TRANSITIONS.items() if not exits)
ON_HOSTS: Final = frozenset({Phase.DEPLOYING, Phase.WARMING_UP, Phase.RUNNING})
"""Phases in which the hosts' desired state holds the experiment."""
OPEN: Final = frozenset(Phase) - ENDED - {Phase.DRAFT}
"""Phases that the reconciler walks."""


def next_phase(phase: Phase, trigger: Trigger) -> Phase:
    """Where a trigger leads.

    Raises:
        IllegalTransitionError: If it does not lead out of this phase.
    """
    if trigger not in TRANSITIONS[phase]:
        raise IllegalTransitionError(
            f"cannot {trigger} an experiment that is {phase}",
            phase=phase.value,
            trigger=trigger.value,
        )
    return TRANSITIONS[phase][trigger]
