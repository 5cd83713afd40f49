"""Settings that collectors used to read and refuse today; found in public configurations.

No schema of every component's settings: only what was seen refused. Called by `linting`.
"""

from collections.abc import Iterator
from typing import Final

from phoenix_platform.pipelines.components import Kind, Version
from phoenix_platform.pipelines.documents import Path
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.lint.distributions import PHOENIX
from phoenix_platform.pipelines.lint.subjects import Found, Subject

_SEEN_REFUSING: Final[Version] = (0, 161, 0)
"""The release that we saw refuse them; when upstream began to is not known."""


def removed_settings(subject: Subject) -> Iterator[Found]:
    is_ours = subject.distribution is not None and subject.distribution.name == PHOENIX
    is_sure = is_ours if subject.version is None else subject.version >= _SEEN_REFUSING
    severity = Severity.ERROR if is_sure else Severity.WARNING
    for path, component, fix in _removed(subject):
        yield subject.found(
            "removed-setting", severity, path, f"0.161.0 refuses the setting {path[-1]!r}",
            fix=fix, component=component,
        )  # fmt: skip


def _removed(subject: Subject) -> Iterator[tuple[Path, str, str]]:
    path: Path = ("service", "telemetry", "metrics", "address")
    if path in subject.configuration.document.marks:
        fix = "write `readers: [{pull: {exporter: {prometheus: {host: ..., port: ...}}}}]`"
        yield path, "", fix
    for component in subject.configuration.components[Kind.PROCESSOR].values():
        if component.type == "memory_limiter" and "ballast_size_mib" in component.settings:
            yield (*component.path, "ballast_size_mib"), component.id, "remove it; set GOMEMLIMIT"
