"""OTTL conditions, as far as they choose by name: which names are dropped, or which are the only ones kept.

A condition of the filter processor drops what matches. `name == "a" or name == "b"` drops two names;
`not IsMatch(name, "^(a|b)$")` keeps two and drops the rest. Everything else keeps its text. Called by
`filters`.

Source: grammar of github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl v0.161.0 (`or` binds
weaker than `and`, `not` strongest).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<sign>==|!=|<=|>=|[^\s\w"]|\d[\w.]*))"""
)
_ALTERNATIVES: Final = re.compile(r"\^?\((?:\?:)?(?P<inner>[^()]*)\)\$?")
_LITERAL: Final = re.compile(r"(?:[A-Za-z0-9_@:/ -]|\\[.\-+/])+")
_ATTRIBUTE: Final = re.compile(r'(?:\w+\.)*attributes\["(?P<key>[^"]*)"\]')
_NAMES: Final = frozenset({"name", "metric.name"})

METRIC_NAME: Final = "metric name"


@dataclass(frozen=True, slots=True)
class Choice:
    """A condition that chooses by one name."""

    subject: str
    """`metric name`, or the key of an attribute."""
    members: frozenset[str]
    """Names, and patterns as `/regex/`."""
    keeps: bool
    """Whether the members are the only ones kept; otherwise they are the ones dropped."""


@dataclass(frozen=True, slots=True)
class _Test:
    subject: str
    members: frozenset[str]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class _Joint:
    parts: tuple["_Tree", ...]
    is_and: bool


_Tree: TypeAlias = _Test | _Joint


class _NotUnderstoodError(Exception):
    """The condition does more than choose by name."""


def choice_of(condition: str) -> Choice | None:
    """What the condition chooses by; `None` if it does not choose by one name alone."""
    try:
        tests, is_and = _flat(_Parser(_tokens(condition)).tree())
    except _NotUnderstoodError:
        return None
    subjects = {test.subject for test in tests}
    negations = {test.is_negated for test in tests}
    if len(subjects) > 1 or len(negations) > 1:
        return None
    keeps = negations == {True}
    if len(tests) > 1 and is_and is not keeps:
        return None
    members = frozenset[str]().union(*(test.members for test in tests))
    return Choice(subjects.pop(), members, keeps)


def names_of(pattern: str) -> frozenset[str]:
    """The names that a regular expression stands for: whole words as they are, the rest as `/regex/`."""
    whole = pattern.startswith("^") and pattern.endswith("$")
    alternatives = _ALTERNATIVES.fullmatch(pattern)
    if alternatives is not None:
        parts = alternatives["inner"].split("|")
    elif "|" not in pattern:
        parts = [pattern.removeprefix("^").removesuffix("$")]
    else:
        return frozenset({f"/{pattern}/"})
    if not whole:
        return frozenset({f"/{pattern}/"})
    return frozenset(
        part.replace("\\", "") if _LITERAL.fullmatch(part) else f"/{part}/" for part in parts
    )


def subject_of(path: str) -> str | None:
    """What a path of OTTL names: `metric name`, or an attribute's key."""
    if path in _NAMES:
        return METRIC_NAME
    found = _ATTRIBUTE.fullmatch(path)
    return None if found is None else found["key"]


def _tokens(condition: str) -> tuple[str, ...]:
    return tuple(_split(condition.rstrip()))


def _split(condition: str) -> Iterator[str]:
    at = 0
    while at < len(condition):
        found = _TOKEN.match(condition, at)
        if found is None:
            raise _NotUnderstoodError
        yield found[0].strip()
        at = found.end()


def _flat(tree: _Tree) -> tuple[Sequence[_Test], bool]:
    """The tests of one level; deeper ones of the same kind are joined."""
    if isinstance(tree, _Test):
        return (tree,), True
    tests: list[_Test] = []
    for part in tree.parts:
        inner, is_and = _flat(part)
        if len(inner) > 1 and is_and is not tree.is_and:
            raise _NotUnderstoodError
        tests += inner
    return tests, tree.is_and


def _negated(tree: _Tree) -> _Tree:
    """De Morgan."""
    if isinstance(tree, _Test):
        return _Test(tree.subject, tree.members, not tree.is_negated)
    return _Joint(tuple(map(_negated, tree.parts)), not tree.is_and)


class _Parser:
    """Recursive descent over the tokens; one method per level of binding."""

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self._tokens = tokens
        self._at = 0

    def tree(self) -> _Tree:
        tree = self._joint("or")
        if self._at != len(self._tokens):
            raise _NotUnderstoodError
        return tree

    def _joint(self, word: str) -> _Tree:
        is_and = word == "and"
        parts = [self._factor() if is_and else self._joint("and")]
        while self._peek() == word:
            self._next()
            parts.append(self._factor() if is_and else self._joint("and"))
        return parts[0] if len(parts) == 1 else _Joint(tuple(parts), is_and)

    def _factor(self) -> _Tree:
        match self._peek():
            case "not":
                self._next()
                return _negated(self._factor())
            case "(":
                self._next()
                inner = self._joint("or")
                self._expect(")")
                return inner
            case "IsMatch":
                return self._is_match()
            case _:
                return self._comparison()

    def _is_match(self) -> _Tree:
        self._next()
        self._expect("(")
        subject = self._subject()
        self._expect(",")
        pattern = self._text()
        self._expect(")")
        return _Test(subject, names_of(pattern))

    def _comparison(self) -> _Tree:
        subject = self._subject()
        sign = self._next()
        if sign not in ("==", "!="):
            raise _NotUnderstoodError
        return _Test(subject, frozenset({self._text()}), is_negated=sign == "!=")

    def _subject(self) -> str:
        path = self._next()
        if self._peek() == "[":
            path += self._next() + self._next() + self._next()
        subject = subject_of(path)
        if subject is None:
            raise _NotUnderstoodError
        return subject

    def _text(self) -> str:
        token = self._next()
        if not token.startswith('"'):
            raise _NotUnderstoodError
        # The configuration writes $$ for one dollar; OTTL unquotes as Go does.
        return re.sub(r"\\(.)", r"\1", token[1:-1]).replace("$$", "$")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise _NotUnderstoodError
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise _NotUnderstoodError
