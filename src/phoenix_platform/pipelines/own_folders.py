"""Extensions that keep files get a folder of their own, because production holds a lock on theirs.

Called by `variants` (trial) and `rehearsals` (validation).
"""

from collections.abc import Mapping

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Value

FILE_STORAGE = "file_storage"


def with_own_folder(
    extension: Component, folder: str
) -> tuple[Mapping[str, Value], tuple[str, ...]]:
    """The extension's settings with its folder below `folder`, and the folders to create."""
    assert extension.kind is Kind.EXTENSION
    if extension.type != FILE_STORAGE:
        return extension.settings, ()
    own = f"{folder.rstrip('/')}/{extension.id.replace('/', '_')}"
    settings = {**extension.settings, "directory": own}
    compaction = settings.get("compaction")
    if isinstance(compaction, Mapping):
        settings["compaction"] = {**compaction, "directory": own}
    return settings, (own,)
