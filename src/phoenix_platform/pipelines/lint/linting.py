"""Everything that can be said about the text of a configuration, at once; and the safe part of mending it.

Called by `phoenix pipeline lint` and by the check over public configurations.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Version
from phoenix_platform.pipelines.configurations import read_configuration
from phoenix_platform.pipelines.documents import Fault
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.lint.conditions import (
    contradictions,
    impossible_patterns,
    long_process_names,
)
from phoenix_platform.pipelines.lint.distributions import Distribution
from phoenix_platform.pipelines.lint.environment_traps import environment_traps
from phoenix_platform.pipelines.lint.identity import along_pipelines, flat_statements
from phoenix_platform.pipelines.lint.meaning import means_the_same
from phoenix_platform.pipelines.lint.names import availability, old_names
from phoenix_platform.pipelines.lint.order import batch_last, memory_limiter_first, unused
from phoenix_platform.pipelines.lint.reducing import (
    levels_that_can_be_met,
    reduce_in_its_place,
    reduce_settings,
    shared_ledgers,
)
from phoenix_platform.pipelines.lint.running import (
    clear_secret_values,
    clear_secrets,
    port_clashes,
    queues,
)
from phoenix_platform.pipelines.lint.settings import removed_settings
from phoenix_platform.pipelines.lint.subjects import Edit, Found, LintFinding, Subject
from phoenix_platform.pipelines.secrets import MASK

_RULES: Final[Sequence[Callable[[Subject], Iterable[Found]]]] = (
    availability,
    old_names,
    memory_limiter_first,
    batch_last,
    unused,
    environment_traps,
    contradictions,
    impossible_patterns,
    long_process_names,
    along_pipelines,
    flat_statements,
    port_clashes,
    queues,
    clear_secrets,
    removed_settings,
    reduce_in_its_place,
    reduce_settings,
    levels_that_can_be_met,
    shared_ledgers,
)

_FIX_OF: Final[Mapping[str, str]] = {
    "cycle": "take one connector out of the circle",
    "id-from-environment": "write the id itself, so that it can be checked",
    "merge-of-no-mapping": "merge a mapping, or a list of mappings",
    "undefined-component": "define it, or take it out",
    "unknown-anchor": "write the anchor before the alias",
    "wrong-shape": "write it in that form",
}
"""Where the reason itself does not end with what to do."""
_NOT_YAML: Final = "mend the YAML here; what follows was not read"
_NEEDS_ALL: Final = frozenset({"half-connector", "incomplete-pipeline"})
"""Faults that may be none once the environment is known."""
_ROUNDS: Final = 3
"""Of fixing: a rename goes first so that the order can follow, and the last finds nothing to do."""


def lint(
    text: str,
    *,
    name: str,
    distribution: Distribution | None = None,
    version: Version | None = None,
) -> tuple[LintFinding, ...]:
    """All findings, in the order of the text; whatever the text is, nothing is raised."""
    return tuple(one.finding for one in _found(text, name, distribution, version))


def fixed(
    text: str,
    *,
    name: str,
    distribution: Distribution | None = None,
    version: Version | None = None,
) -> str:
    """The text with what is safe to mend mended, and every other character as it was.

    A change after which the text would mean something else is not made, whatever the rule thought.
    """
    for _ in range(_ROUNDS):
        groups = [one.edits for one in _found(text, name, distribution, version) if one.edits]
        text = _applied(text, _harmless(text, groups, name))
    return text


def without_secrets(shown: str, text: str, *, name: str) -> str:
    """What is to be shown of a configuration (a diff), its secrets masked."""
    try:
        configuration, _ = read_configuration(text, name=name)
    except InvalidInputError:
        return shown
    for secret in sorted(clear_secret_values(Subject(configuration, None, None)), key=len):
        shown = shown.replace(secret, MASK)
    return shown


def _found(
    text: str, name: str, distribution: Distribution | None, version: Version | None
) -> list[Found]:
    try:
        configuration, faults = read_configuration(text, name=name)
    except InvalidInputError as error:
        return [_unreadable(error)]
    is_partial = any(_is_from_environment(fault) for fault in faults)
    subject = Subject(configuration, distribution, version, is_partial)
    found = [
        *(_of_fault(one) for one in faults if not (is_partial and one.rule in _NEEDS_ALL)),
        *(one for rule in _RULES for one in rule(subject)),
    ]
    unique = {one.finding: one for one in reversed(found)}
    order = sorted(unique, key=lambda one: (one.line, one.column, one.rule, one.message))
    return [unique[finding] for finding in order]


def _is_from_environment(fault: Fault) -> bool:
    """Whether it is about ids that only the collector sees, when it starts."""
    return fault.rule in {"bad-component-id", "wrong-shape"} and "${" in fault.reason


def _of_fault(fault: Fault) -> Found:
    reason, _, fix = fault.reason.rpartition("; ")
    rule, severity = fault.rule, Severity.ERROR
    if _is_from_environment(fault):
        rule, severity = "id-from-environment", Severity.NOTE
        reason, fix = "the environment decides which component this is: not checked", ""
    return Found(
        LintFinding(
            line=fault.mark.line,
            column=fault.mark.column,
            severity=severity,
            rule=rule,
            component=fault.component,
            message=reason or fix,
            fix=_FIX_OF.get(rule, fix),
        )
    )


def _unreadable(error: InvalidInputError) -> Found:
    line, column = error.facts.get("line"), error.facts.get("column")
    _, _, reason = str(error).partition(": ")
    return Found(
        LintFinding(
            line=int(line or 1),
            column=int(column or 1),
            severity=Severity.ERROR,
            rule="not-yaml",
            component="",
            message=reason,
            fix=_NOT_YAML,
        )
    )


def _harmless(text: str, groups: Sequence[tuple[Edit, ...]], name: str) -> list[Edit]:
    """The edits of each finding, all or none: without those that touch an earlier one's or change the meaning."""
    chosen: list[Edit] = []
    taken: set[int] = set()
    for group in groups:
        offsets = {at for edit in group for at in range(edit.offset, edit.offset + edit.length)}
        together = [*chosen, *group]
        if not offsets & taken and means_the_same(text, _applied(text, together), name=name):
            chosen = together
            taken |= offsets
    return chosen


def _applied(text: str, edits: Iterable[Edit]) -> str:
    for edit in sorted(edits, reverse=True):
        text = text[: edit.offset] + edit.text + text[edit.offset + edit.length :]
    return text
