"""What a lint rule is given, and what it gives back.

Every rule is a function from a `Subject` to findings; `linting` calls them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from phoenix_platform.pipelines.components import Kind, Target, Version
from phoenix_platform.pipelines.configurations import Component, Configuration, Pipeline
from phoenix_platform.pipelines.documents import Path
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.lint.distributions import PHOENIX, Distribution


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace `length` characters of the text at `offset`."""

    offset: int
    length: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    line: int
    """Counted from 1."""
    column: int
    """Counted from 1."""
    severity: Severity
    rule: str
    """Kebab-case, stable: what scripts and comments may name."""
    component: str
    """`type[/name]`; empty where it concerns no single component."""
    message: str
    fix: str
    """What to do, as a sentence."""
    is_fixable: bool = False
    """Whether `--fix` does it."""


@dataclass(frozen=True, slots=True)
class Found:
    finding: LintFinding
    edits: tuple[Edit, ...] = ()


_PHOENIX_NAMES: Final = Target(version=(0, 161, 0))


@dataclass(frozen=True, slots=True)
class Subject:
    configuration: Configuration
    distribution: Distribution | None
    """`None` if the user did not say which."""
    version: Version | None
    """`None` if the user did not say which."""
    is_partial: bool = False
    """Whether the environment decides what runs: then nothing can be called unused."""

    @property
    def target(self) -> Target | None:
        """Which names to write; `None` if the collector is not known, then names are left alone."""
        if self.version is not None:
            return Target(version=self.version)
        is_ours = self.distribution is not None and self.distribution.name == PHOENIX
        return _PHOENIX_NAMES if is_ours else None

    def components(self) -> Iterator[Component]:
        return (one for kind in Kind for one in self.configuration.components[kind].values())

    def processors(self, pipeline: Pipeline) -> list[Component]:
        """Those that are defined, in the order they run."""
        known = self.configuration.components[Kind.PROCESSOR]
        return [known[id_] for id_ in pipeline.processors if id_ in known]

    def receivers(self, pipeline: Pipeline) -> list[Component]:
        known = self.configuration.components[Kind.RECEIVER]
        return [known[id_] for id_ in pipeline.receivers if id_ in known]

    def used(self) -> set[tuple[Kind, str]]:
        """Kind and id of everything that runs; connectors under their own kind."""
        found = {(Kind.EXTENSION, id_) for id_ in self.configuration.extensions}
        for pipeline in self.configuration.pipelines.values():
            found |= {(Kind.PROCESSOR, id_) for id_ in pipeline.processors}
            found |= {(Kind.RECEIVER, id_) for id_ in pipeline.receivers}
            found |= {(Kind.EXPORTER, id_) for id_ in pipeline.exporters}
            found |= {(Kind.CONNECTOR, id_) for id_ in (*pipeline.receivers, *pipeline.exporters)}
        return found

    def found(
        self,
        rule: str,
        severity: Severity,
        path: Path,
        message: str,
        *,
        fix: str,
        component: str = "",
        edits: tuple[Edit, ...] = (),
    ) -> Found:
        mark = self.configuration.document.mark(path)
        finding = LintFinding(
            line=mark.line,
            column=mark.column,
            severity=severity,
            rule=rule,
            component=component,
            message=message,
            fix=fix,
            is_fixable=bool(edits),
        )
        return Found(finding, edits)
