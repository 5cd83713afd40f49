"""Rules about conditions that can never hold, and names that can never be seen.

A filter that matches nothing starts without a warning, and the user believes that it works. Called by
`linting`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from phoenix_platform.pipelines.configurations import Component
from phoenix_platform.pipelines.documents import Path, Value
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.host_metrics import RECEIVER
from phoenix_platform.pipelines.lint.regexes import can_never_match
from phoenix_platform.pipelines.lint.statements import conditions_of, conjuncts
from phoenix_platform.pipelines.lint.subjects import Found, Subject

LONGEST_COMM: Final = 15
"""Characters of a process name that the kernel keeps (TASK_COMM_LEN - 1)."""

_COMPARED: Final = re.compile(
    r'^(?P<path>[\w.]+(?:\["[^"]*"\])*)\s*(?P<sign>==|!=)\s*(?P<literal>"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|nil|[A-Z][A-Z0-9_]+)$'
)
_MATCHED: Final = re.compile(
    r'^IsMatch\(\s*(?P<path>[\w.]+(?:\["[^"]*"\])*)\s*,\s*"(?P<pattern>(?:[^"\\]|\\.)*)"\s*\)$'
)
_PATTERN: Final = re.compile(r'\bIsMatch\([^,]+,\s*"(?P<pattern>(?:[^"\\]|\\.)*)"\s*\)')
_LONG_NAME: Final = re.compile(r'attributes\["process\.executable\.name"\]\s*==\s*"([^"]+)"')


def contradictions(subject: Subject) -> Iterator[Found]:
    """Conditions of `filter` and `transform` that contradict themselves."""
    for component in subject.components():
        for path, text, _ in conditions_of(component):
            why = _contradiction(text)
            if why:
                yield subject.found(
                    "condition-never-true", Severity.WARNING, path, f"can never be true: {why}",
                    fix="join alternatives with `or`, or remove the condition", component=component.id,
                )  # fmt: skip


def impossible_patterns(subject: Subject) -> Iterator[Found]:
    """Regular expressions that no text matches."""
    for component in subject.components():
        found = {path: text for path, text, _ in conditions_of(component)}
        patterns = [
            (path, match["pattern"].replace("\\\\", "\\"))
            for path, text in found.items()
            for match in _PATTERN.finditer(text)
        ]
        patterns += _named_patterns(component.settings, component.path)
        for path, pattern in patterns:
            if can_never_match(pattern.replace("$$", "$")):
                yield subject.found(
                    "pattern-never-matches", Severity.WARNING, path,
                    f"the pattern {pattern!r} matches no text: an anchor stands where text must have gone by",
                    fix="put ^ first and $ last, or escape them", component=component.id,
                )  # fmt: skip


def long_process_names(subject: Subject) -> Iterator[Found]:
    """Executable names longer than the kernel keeps, compared whole."""
    for component in subject.components():
        names: list[tuple[Path, str]] = [
            (path, name)
            for path, text, _ in conditions_of(component)
            for name in _LONG_NAME.findall(text)
        ]
        if component.type == RECEIVER:
            names += _strict_names(component)
        for path, name in names:
            if len(name) > LONGEST_COMM and "${" not in name:
                yield subject.found(
                    "process-name-too-long", Severity.NOTE, path,
                    f"{name!r} has {len(name)} characters; the kernel keeps {LONGEST_COMM}, and the rest is seen only while the process has not changed its title",
                    fix=f"match {name[:LONGEST_COMM]!r} too, as a pattern that starts with it", component=component.id,
                )  # fmt: skip


def _contradiction(text: str) -> str:
    equal: dict[str, str] = {}
    unequal: set[tuple[str, str]] = set()
    patterns: list[tuple[str, str]] = []
    for part in conjuncts(text):
        compared, matched = _COMPARED.match(part), _MATCHED.match(part)
        if compared is not None and compared["sign"] == "==":
            path, literal = compared["path"], compared["literal"]
            if equal.setdefault(path, literal) != literal:
                return f"{path} cannot be {equal[path]} and {literal} at once"
        elif compared is not None:
            unequal.add((compared["path"], compared["literal"]))
        elif matched is not None:
            patterns.append((matched["path"], matched["pattern"]))
    for path, literal in equal.items():
        if (path, literal) in unequal:
            return f"{path} cannot be {literal} and not be it"
        if literal.startswith('"'):
            for pattern in (pattern for at, pattern in patterns if at == path):
                if _surely_differs(pattern, literal[1:-1]):
                    return f"{path} cannot be {literal} and match {pattern!r}"
    return ""


def _surely_differs(pattern: str, literal: str) -> bool:
    try:
        return re.search(pattern.replace("\\\\", "\\").replace("$$", "$"), literal) is None
    except re.error:
        return False  # RE2 reads what Python does not


def _named_patterns(value: Value, path: Path) -> Iterator[tuple[Path, str]]:
    """Patterns of every `match_type: regexp`."""
    match value:
        case Mapping():
            if value.get("match_type") == "regexp":
                for key, members in value.items():
                    for index, name in enumerate(members if isinstance(members, tuple) else ()):
                        if isinstance(name, str) and "${" not in name:
                            yield (*path, key, index), name
            for key, member in value.items():
                yield from _named_patterns(member, (*path, key))
        case tuple():
            for index, member in enumerate(value):
                yield from _named_patterns(member, (*path, index))
        case _:
            return


def _strict_names(component: Component) -> Iterator[tuple[Path, str]]:
    scrapers = component.settings.get("scrapers")
    process = scrapers.get("process") if isinstance(scrapers, Mapping) else None
    for key in ("include", "exclude"):
        rule = process.get(key) if isinstance(process, Mapping) else None
        if isinstance(rule, Mapping) and rule.get("match_type") == "strict":
            names = rule.get("names")
            for index, name in enumerate(names if isinstance(names, tuple) else ()):
                if isinstance(name, str):
                    yield (*component.path, "scrapers", "process", key, "names", index), name
