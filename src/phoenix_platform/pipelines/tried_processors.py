"""A user's processors as they run in a trial: unchanged, but what they keep stays apart from production's.

Called by `variant_collectors`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.own_folders import FILE_STORAGE, with_own_folder
from phoenix_platform.pipelines.reduce_settings import REDUCE
from phoenix_platform.pipelines.tried_pipelines import TriedPipelines


@dataclass(frozen=True, slots=True)
class TriedProcessors:
    settings: Mapping[str, Mapping[str, Value]]
    """By id as the target knows it, in the order of the pipelines."""
    folders: tuple[str, ...]
    """Folders to create before the start."""
    notes: tuple[str, ...]
    """What was left out, one sentence each."""


def processors_of(
    tried: TriedPipelines, *, folder: str, variant: str, target: Target
) -> TriedProcessors:
    """All processors of the tried pipelines.

    Args:
        tried: What runs.
        folder: Absolute path; files that a processor keeps go below it.
        variant: Name of the variant, for notes.
        target: The collector that will run them.
    """
    configuration = tried.configuration
    known = configuration.components[Kind.PROCESSOR]
    settings: dict[str, Mapping[str, Value]] = {}
    folders: list[str] = []
    notes: list[str] = []
    for id_ in dict.fromkeys(id_ for one in tried.pipelines.values() for id_ in one.processors):
        own, created = with_own_folder(known[id_], folder)
        folders += created
        storage = _foreign_storage(known[id_], configuration)
        if storage is not None:
            own = {key: value for key, value in own.items() if key != "storage"}
            place = configuration.document.place((*known[id_].path, "storage"))
            notes.append(
                f"{variant} processor {id_} ({place}): storage {storage} left out, its state is in memory; "
                "only file_storage can get a place of its own"
            )
        settings[target.id_to_write(Kind.PROCESSOR, id_)] = own
    return TriedProcessors(settings, tuple(folders), tuple(notes))


def _foreign_storage(component: Component, configuration: Configuration) -> str | None:
    """The storage of `reduce` that would be production's own, where it is none that can be moved."""
    storage = component.settings.get("storage")
    if component.type != REDUCE or not isinstance(storage, str):
        return None
    extension = configuration.components[Kind.EXTENSION].get(storage)
    return None if extension is not None and extension.type == FILE_STORAGE else storage
