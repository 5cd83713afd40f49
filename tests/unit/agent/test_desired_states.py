from datetime import timedelta

from tests.desired_states import a_state, an_experiment

from phoenix_platform.agent.desired_states import Effects, effects_of
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.opamp.desired_state import DesiredLoad

NOW = FixedClock().now()
NOTHING = Effects(stop_experiments=(), start_experiments=(), stop_loads=(), start_loads=())


def a_load(id_: str, *, seconds: float = 60) -> DesiredLoad:
    deadline = NOW + timedelta(seconds=seconds)
    return DesiredLoad(id=id_, profile="realistic", seed=1, deadline=deadline)


def test_what_is_wanted_and_not_there_is_started() -> None:
    experiment, load = an_experiment(), a_load("load")
    effects = effects_of(
        a_state(experiment, loads=(load,)), experiments=(), loads=(), ended=(), now=NOW
    )
    assert effects == Effects(
        stop_experiments=(), start_experiments=(experiment,), stop_loads=(), start_loads=(load,)
    )


def test_what_is_there_and_not_wanted_is_stopped() -> None:
    effects = effects_of(a_state(), experiments=["b", "a"], loads=["l"], ended=(), now=NOW)
    assert effects == Effects(
        stop_experiments=("a", "b"), start_experiments=(), stop_loads=("l",), start_loads=()
    )


def test_what_is_there_and_wanted_stays() -> None:
    experiment, load = an_experiment(), a_load("load")
    state = a_state(experiment, loads=(load,))
    effects = effects_of(state, experiments=[experiment.id], loads=["load"], ended=(), now=NOW)
    assert effects == NOTHING


def test_what_has_ended_here_never_begins_again() -> None:
    experiment, load = an_experiment(), a_load("load")
    state = a_state(experiment, loads=(load,))
    ended = [experiment.id, "load"]
    assert effects_of(state, experiments=(), loads=(), ended=ended, now=NOW) == NOTHING


def test_a_load_whose_time_is_over_is_not_begun() -> None:
    state = a_state(loads=(a_load("load", seconds=0),))
    assert effects_of(state, experiments=(), loads=(), ended=(), now=NOW) == NOTHING
