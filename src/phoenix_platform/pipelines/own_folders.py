"""What keeps files gets a folder of its own, because production writes, or holds a lock on, its own.

Called by `variants` (trial) and `rehearsals` (validation).
"""

from collections.abc import Mapping
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.reduce_settings import REDUCE

FILE_STORAGE: Final = "file_storage"
LEDGER_FILE: Final = "ledger.jsonl"


def with_own_folder(
    component: Component, folder: str
) -> tuple[Mapping[str, Value], tuple[str, ...]]:
    """The component's settings with its files below `folder`, and the folders to create.

    An extension that keeps files, or `reduce` with a ledger; others are as they were.
    """
    own = f"{folder.rstrip('/')}/{component.id.replace('/', '_')}"
    if (component.kind, component.type) == (Kind.EXTENSION, FILE_STORAGE):
        return _storage(component.settings, own), (own,)
    ledger = component.settings.get("ledger")
    if (component.kind, component.type) == (Kind.PROCESSOR, REDUCE) and isinstance(ledger, Mapping):
        moved = {**ledger, "path": f"{own}/{LEDGER_FILE}"}
        return {**component.settings, "ledger": moved}, (own,)
    return component.settings, ()


def _storage(settings: Mapping[str, Value], own: str) -> Mapping[str, Value]:
    moved = {**settings, "directory": own}
    compaction = settings.get("compaction")
    if isinstance(compaction, Mapping):
        moved["compaction"] = {**compaction, "directory": own}
    return moved
