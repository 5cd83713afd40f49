"""What a new desired state means for what runs on this host: facts in, effects out; `reconciling` acts.

Pure, so that a test can walk through every order of documents, restarts and deadlines.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from phoenix_platform.opamp.desired_state import DesiredExperiment, DesiredLoad, DesiredState


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What to do, so that what runs is what is desired."""

    stop_experiments: tuple[str, ...]
    start_experiments: tuple[DesiredExperiment, ...]
    stop_loads: tuple[str, ...]
    start_loads: tuple[DesiredLoad, ...]


def effects_of(
    desired: DesiredState,
    *,
    experiments: Collection[str],
    loads: Collection[str],
    ended: Collection[str],
    now: datetime,
) -> Effects:
    """What is to be stopped and started.

    Args:
        desired: The newest document.
        experiments: Ids of those under way here.
        loads: Ids of those under way here.
        ended: Ids of experiments and loads that have ended here for good: they never begin again.
        now: UTC; what is over by now is not begun.
    """
    wanted = {one.id: one for one in desired.experiments}
    wanted_loads = {one.id: one for one in desired.loads}
    return Effects(
        stop_experiments=tuple(sorted(set(experiments) - wanted.keys())),
        start_experiments=tuple(
            one for id_, one in wanted.items() if id_ not in experiments and id_ not in ended
        ),
        stop_loads=tuple(sorted(set(loads) - wanted_loads.keys())),
        start_loads=tuple(
            one
            for id_, one in wanted_loads.items()
            if id_ not in loads and id_ not in ended and one.deadline > now
        ),
    )
