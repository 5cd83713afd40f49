"""How a user names an experiment: by its id, or by its name if no other has it."""

from typing import Annotated, TypeAlias

import typer

from phoenix_platform.cli.fleet_words import as_uuid, the_one
from phoenix_platform.client.control_planes import ControlPlane
from phoenix_platform.wire.v1.experiments import ExperimentView

ExperimentArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="EXPERIMENT", help="Its name or id.")
]


def the_experiment(plane: ControlPlane, reference: str) -> ExperimentView:
    """The experiment with what was last found.

    Raises:
        NotFoundError: If there is none.
        InvalidInputError: If several have the name.
    """
    wanted = as_uuid(reference)
    if wanted is None:
        found = plane.experiments.all(name=reference)
        wanted = the_one(reference, found, noun="experiment").id
    return plane.experiments.get(wanted)
