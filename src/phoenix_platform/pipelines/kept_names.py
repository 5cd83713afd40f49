"""The executable names that a configuration keeps, where it keeps processes by name.

`phoenix trial` asks when a candidate lets nothing out: perhaps none of these names runs on the host.
"""

from collections.abc import Collection, Iterator
from typing import Final

from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.semantics.facts import Fact
from phoenix_platform.pipelines.semantics.readings import read_component

_KEPT_ONLY: Final = "process.executable.name: kept only"
_SCRAPED_ONLY: Final = "scraper process: include"


def kept_names(configuration: Configuration, processors: Collection[str]) -> frozenset[str]:
    """Names, and regular expressions as `/expression/`; empty if nothing is kept by name.

    Args:
        configuration: The user's own.
        processors: Ids of those that may drop processes; receivers that choose names are asked as well.
    """
    facts = list(_facts(configuration, processors))
    return frozenset[str]().union(*(fact.members or () for fact in facts))


def _facts(configuration: Configuration, processors: Collection[str]) -> Iterator[Fact]:
    for id_, component in configuration.components[Kind.PROCESSOR].items():
        if id_ in processors:
            yield from (one for one in read_component(component).facts if one.what == _KEPT_ONLY)
    for component in configuration.components[Kind.RECEIVER].values():
        yield from (one for one in read_component(component).facts if one.what == _SCRAPED_ONLY)
