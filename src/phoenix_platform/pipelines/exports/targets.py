"""The collector that an export is for: a distribution, a release, and what it has. Called by `exporting`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind, Target, Version, parse_version
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.lint.distributions import (
    Distribution,
    Standing,
    get_distribution,
    show_version,
)
from phoenix_platform.pipelines.reduce_settings import REDUCE

_REASON_OF: Final[Mapping[Standing, str]] = {
    Standing.NEVER: "never had it",
    Standing.NOT_YET: "does not have it, {change} is the first that has",
    Standing.REMOVED: "has it no more since {change}",
}


@dataclass(frozen=True, slots=True)
class ExportTarget:
    distribution: Distribution
    version: Version

    @property
    def names(self) -> Target:
        """Decides which of two type names is written."""
        return Target(version=self.version)

    def standing(self, component: Component) -> Standing:
        return self.distribution.standing(component.kind, component.type, self.version)

    def __str__(self) -> str:
        return f"{self.distribution.name}@{show_version(self.version)}"


def read_target(text: str) -> ExportTarget:
    """Read `otelcol-contrib@0.140.0`; without a version the newest release that we know.

    Raises:
        InvalidInputError: If there is no table of the distribution, or the version is malformed.
    """
    name, at, version = text.partition("@")
    distribution = get_distribution(name)
    return ExportTarget(
        distribution, parse_version(version, field="target") if at else distribution.last
    )


def refuse_lacking(target: ExportTarget, *used: tuple[Configuration, Iterable[Component]]) -> None:
    """Stop if the target lacks a component, except `reduce`, which can be built into every collector.

    Args:
        target: The collector that will read the export.
        used: Configurations, each with those of its components that the export will have.

    Raises:
        InvalidInputError: Naming each with its place and what to do.
    """
    lacking = [
        f"{configuration.document.place(one.path)}: {one.kind.value} {one.id}: {target} {_reason(one, target)}"
        for configuration, components in used
        for one in components
        if target.standing(one) in _REASON_OF and not _can_be_built_in(one)
    ]
    if lacking:
        raise InvalidInputError(
            f"{'; '.join(lacking)}; remove what is named, or choose another distribution or release with --target"
        )


def not_known(configuration: Configuration, target: ExportTarget) -> tuple[str, ...]:
    """Components of which nobody here knows whether the target has them, one sentence each."""
    return tuple(
        f"{one.kind.value} {one.id}: not known whether {target} has it; its own validate tells"
        for one in components_of(configuration)
        if target.standing(one) is Standing.CANNOT_TELL and not _can_be_built_in(one)
    )


def components_of(configuration: Configuration) -> Iterator[Component]:
    """All components that are defined: a collector refuses unknown ones even where nothing uses them."""
    return (one for kind in Kind for one in configuration.components[kind].values())


def _can_be_built_in(component: Component) -> bool:
    """Ours, which no other distribution has: `builds` says how to get one that does."""
    return (component.kind, component.type) == (Kind.PROCESSOR, REDUCE)


def _reason(component: Component, target: ExportTarget) -> str:
    reason = _REASON_OF[target.standing(component)]
    if "{change}" not in reason:
        return reason
    change = target.distribution.change(component.kind, component.type, target.version)
    return reason.format(change=change)
