"""The collector that an export is for: a distribution, a release, and what it has. Called by `exporting`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind, Target, Version, parse_version
from phoenix_platform.pipelines.configurations import Component, Configuration

Availability: TypeAlias = Callable[[Kind, str], bool | None]
"""Whether a collector has a type; `None` if that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTarget:
    distribution: str
    version: Version
    has: Availability

    @property
    def names(self) -> Target:
        """Decides which of two type names is written."""
        return Target(version=self.version)

    def __str__(self) -> str:
        return f"{self.distribution}@{'.'.join(map(str, self.version))}"


def split_target(text: str) -> tuple[str, Version]:
    """Read `otelcol-contrib@0.140.0`.

    Raises:
        InvalidInputError: If the distribution or the version is missing or malformed.
    """
    distribution, at, version = text.partition("@")
    if not distribution or not at:
        raise InvalidInputError(
            f"target: {text!r} names no release; write distribution@version, such as otelcol-contrib@0.140.0"
        )
    return distribution, parse_version(version, field="target")


def refuse_lacking(configuration: Configuration, target: ExportTarget) -> None:
    """Stop if the target lacks a component that the configuration defines.

    Raises:
        InvalidInputError: Naming each with its place and what to do.
    """
    lacking = [
        f"{configuration.document.place(one.path)}: {one.kind.value} {one.id}: {target} has no {one.type}"
        for one in _components(configuration)
        if target.has(one.kind, one.type) is False
    ]
    if lacking:
        raise InvalidInputError(
            "target: "
            + "; ".join(lacking)
            + "; remove what is named, or choose another distribution or release with --target"
        )


def not_known(configuration: Configuration, target: ExportTarget) -> tuple[str, ...]:
    """Types of which nobody here knows whether the target has them, one sentence each."""
    return tuple(
        f"{one.kind.value} {one.id}: not known whether {target} has it; ask its own validate"
        for one in _components(configuration)
        if target.has(one.kind, one.type) is None
    )


def _components(configuration: Configuration) -> Iterator[Component]:
    return (one for kind in Kind for one in configuration.components[kind].values())
