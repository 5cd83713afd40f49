"""A collector that is to run `reduce` must be built with it: the lines for its builder manifest.

No distribution but ours has the processor. Called by `exporting` and by `phoenix pipeline export`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from phoenix_platform.pipelines.components import Version
from phoenix_platform.pipelines.exports.targets import ExportTarget
from phoenix_platform.pipelines.lint.distributions import PHOENIX, show_version
from phoenix_platform.pipelines.reduce_settings import REDUCE

MODULE: Final = "example.com/phoenix/reduceprocessor"
"""Go module of the processor, as its go.mod and our own manifest have it."""
VERSION: Final = "v0.0.0"
"""What stands behind it where `path` says where it is."""
SOURCE: Final = "collector/processor/reduceprocessor"
"""Its folder in the Phoenix repository."""
BUILT_WITH: Final[Version] = (0, 161, 0)
"""The collector release that the module is written for."""
MANIFEST_LINES: Final = (
    "processors:",
    f"  - gomod: {MODULE} {VERSION}",
    f"    path: ./{SOURCE.rpartition('/')[2]}",
)
"""For an existing manifest: the last two belong below the `processors:` that it has already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """How to get a collector that has `reduce`."""

    manifest_lines: tuple[str, ...]
    """To be added to the manifest; `path` leads to a copy of the module, from the folder of the manifest."""
    commands: tuple[str, ...]
    """What copies the module and builds the collector."""
    notes: tuple[str, ...]

    def as_comments(self) -> Iterator[str]:
        """The same as lines for the head of a configuration."""
        yield "needs a collector built with the reduce processor. Its builder manifest needs these lines"
        yield f"(the folder is {SOURCE} of Phoenix):"
        yield from (f"  {line}" for line in self.manifest_lines)
        yield "and is built by:"
        yield from (f"  {command}" for command in self.commands)


def build_for(target: ExportTarget, processors: Iterable[str]) -> Build | None:
    """What the target must be built with to run processors of these ids; `None` if it has `reduce`, or none is."""
    needs_reduce = any(id_.partition("/")[0].strip() == REDUCE for id_ in processors)
    if not needs_reduce or target.distribution.name == PHOENIX:
        return None
    release = show_version(BUILT_WITH)
    note = (
        f"reduce is written for collector {release}: raise the modules of the manifest of {target} to v{release}, "
        "or the builder mixes releases"
    )
    return Build(
        manifest_lines=MANIFEST_LINES,
        commands=(
            f"go install go.opentelemetry.io/collector/cmd/builder@v{release}",
            "builder --config manifest.yaml --skip-strict-versioning",
        ),
        notes=() if target.version == BUILT_WITH else (note,),
    )
