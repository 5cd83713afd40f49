"""Which component is in which release of which distribution, as far as we know.

The facts are `distributions.yaml`, which says where they are from. Outside the releases that it covers the
answer is "cannot tell". Called by the rules about components and by the command, for the choice of names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib import resources
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import RENAMES, Kind, Version, parse_version
from phoenix_platform.pipelines.documents import Value, read_document

PHOENIX: Final = "phoenix-otelcol"
_FILE: Final = "distributions.yaml"
_OLD_NAMES: Final = {(rename.kind, rename.new): rename.old for rename in RENAMES}


class Standing(Enum):
    """What a release says to a component."""

    PRESENT = auto()
    NEVER = auto()
    NOT_YET = auto()
    REMOVED = auto()
    CANNOT_TELL = auto()


@dataclass(frozen=True, slots=True)
class Distribution:
    name: str
    first: Version
    """The oldest release we know the components of."""
    last: Version
    changes: Mapping[Kind, Mapping[str, tuple[Version, ...]]]
    """Releases where a type came, went, came again, and so on."""

    def standing(self, kind: Kind, type_: str, version: Version | None) -> Standing:
        """What the release says to a type under any of its spellings; `None` asks the newest we know."""
        asked = self.last if version is None else version
        changes = self.changes[kind].get(_key(kind, type_), ())
        if asked < self.first or (not changes and asked > self.last):
            return Standing.CANNOT_TELL
        if not changes:
            return Standing.NEVER
        passed = sum(change <= asked for change in changes)
        if passed == 0:
            return Standing.NOT_YET
        return Standing.PRESENT if passed % 2 else Standing.REMOVED

    def change(self, kind: Kind, type_: str, version: Version | None) -> str:
        """The release of the change that decided, for a message."""
        changes = self.changes[kind][_key(kind, type_)]
        passed = [change for change in changes if version is None or change <= version]
        return show_version(passed[-1] if passed else changes[0])


def compact(type_: str) -> str:
    """A type without underscores: what upstream's renames leave as it is."""
    return type_.replace("_", "")


def _key(kind: Kind, type_: str) -> str:
    """What the tables call it: the name of its module, which a rename leaves as it was."""
    return compact(_OLD_NAMES.get((kind, type_), type_))


def show_version(version: Version) -> str:
    return ".".join(map(str, version))


@cache
def distributions() -> Mapping[str, Distribution]:
    text = resources.files("phoenix_platform.pipelines.lint").joinpath(_FILE).read_text("utf-8")
    root = read_document(text, name=_FILE).root
    assert isinstance(root, Mapping)
    return {name: _distribution(name, table) for name, table in root.items()}


def get_distribution(name: str) -> Distribution:
    """The distribution of that name.

    Raises:
        InvalidInputError: If we have no table of it.
    """
    found = distributions().get(name)
    if found is None:
        known = ", ".join(distributions())
        raise InvalidInputError(f"target: no table of the distribution {name!r}; there are {known}")
    return found


def _distribution(name: str, table: Value) -> Distribution:
    assert isinstance(table, Mapping)
    return Distribution(
        name,
        _version(table["first"]),
        _version(table["last"]),
        {kind: _changes(table.get(kind.value)) for kind in Kind},
    )


def _changes(section: Value) -> Mapping[str, tuple[Version, ...]]:
    assert isinstance(section, Mapping)
    return {type_: _versions(at) for type_, at in section.items()}


def _versions(entries: Value) -> tuple[Version, ...]:
    assert isinstance(entries, tuple)
    return tuple(map(_version, entries))


def _version(text: Value) -> Version:
    return parse_version(str(text), field=_FILE)
