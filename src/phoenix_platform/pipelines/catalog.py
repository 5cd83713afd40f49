"""The pipelines that ship with Phoenix: complete collector configurations under `catalog/`.

`catalog/catalog.yaml` says of each what it is for and what it costs. The trial and `phoenix pipeline` read
entries by name.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from phoenix_platform.core.errors import NotFoundError
from phoenix_platform.pipelines.configurations import Configuration, parse_configuration
from phoenix_platform.pipelines.documents import Value, read_document

_FOLDER: Final = resources.files("phoenix_platform.pipelines").joinpath("catalog")
_INDEX: Final = "catalog.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A setting of an entry that is meant to be changed."""

    path: tuple[str, ...]
    """Where it stands in the entry's configuration, which has its default."""
    unit: str
    limits: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    name: str
    version: int
    purpose: str
    keeps: str
    loses: str
    totals_preserved: bool
    """Whether the sum over all output equals the sum over all processes, for every additive metric."""
    kept_names: tuple[str, ...]
    """Patterns of executable names that stay one to one; empty if the entry does not choose by name."""
    tested_collectors: tuple[str, ...]
    """Collector releases that run this entry in our tests."""
    parameters: tuple[Parameter, ...]
    text: str
    """The configuration as it is written, comments included."""

    @property
    def configuration(self) -> Configuration:
        return parse_configuration(self.text, name=self.name)

    def default_of(self, parameter: Parameter) -> Value:
        """What the entry's configuration says for it.

        Raises:
            KeyError: If the parameter is of another entry.
        """
        value: Value = self.configuration.root
        for key in parameter.path:
            if not isinstance(value, Mapping):
                raise KeyError(key)
            value = value[key]
        return value


@cache
def entries() -> tuple[Entry, ...]:
    """All entries, in the order of the index."""
    index = read_document(_FOLDER.joinpath(_INDEX).read_text("utf-8"), name=_INDEX).root
    assert isinstance(index, Mapping)
    return tuple(_entry_of(name, facts) for name, facts in index.items())


def names() -> tuple[str, ...]:
    return tuple(entry.name for entry in entries())


def get(name: str) -> Entry:
    """The entry of that name.

    Raises:
        NotFoundError: If there is none; the message suggests the nearest name.
    """
    found = next((entry for entry in entries() if entry.name == name), None)
    if found is None:
        near = difflib.get_close_matches(name, names(), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names())}"
        raise NotFoundError(f"pipeline: the catalog has no {name!r}; {hint}", name=name)
    return found


def _entry_of(name: str, facts: Value) -> Entry:
    assert isinstance(facts, Mapping)
    version, kept, tested = facts["version"], facts["kept_names"], facts["tested_collectors"]
    parameters = facts["parameters"]
    assert isinstance(version, int)
    assert isinstance(kept, tuple)
    assert isinstance(tested, tuple)
    assert isinstance(parameters, tuple)
    return Entry(
        name=name,
        version=version,
        purpose=str(facts["purpose"]),
        keeps=str(facts["keeps"]),
        loses=str(facts["loses"]),
        totals_preserved=facts["totals_preserved"] is True,
        kept_names=tuple(map(str, kept)),
        tested_collectors=tuple(map(str, tested)),
        parameters=tuple(map(_parameter_of, parameters)),
        text=_FOLDER.joinpath(f"{name}.yaml").read_text("utf-8"),
    )


def _parameter_of(facts: Value) -> Parameter:
    assert isinstance(facts, Mapping)
    path = facts["path"]
    assert isinstance(path, tuple)
    return Parameter(
        path=tuple(map(str, path)),
        unit=str(facts["unit"]),
        limits=str(facts["limits"]),
        meaning=str(facts["meaning"]),
    )
