"""Label selectors, as Kubernetes writes them: which hosts are meant.

`env=prod,tier in (web, api),!canary`; the empty selector means every host.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from phoenix_platform.core.errors import InvalidInputError

_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,251}[A-Za-z0-9])?"
_VALUE: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,61}[A-Za-z0-9])?)?"
_EQUALITY: Final = re.compile(rf"({_NAME})\s*(==|=|!=)\s*({_VALUE})")
_MEMBERSHIP: Final = re.compile(rf"({_NAME})\s+(in|notin)\s*\(([^()]*)\)")
_EXISTENCE: Final = re.compile(rf"(!?)\s*({_NAME})")
_PARTS: Final = re.compile(r",(?![^(]*\))")
MAX_LABELS: Final = 64


class Operator(StrEnum):
    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Requirement:
    label: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case Operator.IN:
                return labels.get(self.label) in self.values
            case Operator.NOT_IN:
                return labels.get(self.label) not in self.values
            case Operator.EXISTS:
                return self.label in labels
            case Operator.ABSENT:  # pragma: no branch - the last there is
                return self.label not in labels

    def __str__(self) -> str:
        match self.operator:
            case Operator.EXISTS:
                return self.label
            case Operator.ABSENT:
                return f"!{self.label}"
            case Operator.IN if len(self.values) == 1:
                return f"{self.label}={self.values[0]}"
            case Operator.NOT_IN if len(self.values) == 1:
                return f"{self.label}!={self.values[0]}"
            case _:
                return f"{self.label} {self.operator} ({','.join(self.values)})"


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def parse(cls, text: str, *, field: str) -> Self:
        """Read a selector.

        Raises:
            InvalidInputError: If it is none; names `field` and the part that is wrong.
        """
        parts = [part.strip() for part in _PARTS.split(text)] if text.strip() else []
        return cls(tuple(_requirement(part, text=text, field=field) for part in parts))

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


def checked_labels(labels: Mapping[str, str], *, field: str) -> Mapping[str, str]:
    """The labels, if each name and value can stand in a selector.

    Raises:
        InvalidInputError: If not, or if there are more than `MAX_LABELS`.
    """
    if len(labels) > MAX_LABELS:
        raise InvalidInputError(f"{field}: {len(labels)} labels; at most {MAX_LABELS} are kept")
    for name, value in labels.items():
        if not re.fullmatch(_NAME, name):
            raise InvalidInputError(
                f"{field}: {name!r} is no label name; use letters, digits, '.', '_', '/' and '-', such as env"
            )
        if not re.fullmatch(_VALUE, value):
            raise InvalidInputError(
                f"{field}: {name}: {value!r} is no label value; use up to 63 letters, digits, '.', '_', ':' and '-'"
            )
    return labels


def _requirement(part: str, *, text: str, field: str) -> Requirement:
    if found := _EQUALITY.fullmatch(part):
        name, sign, value = found.groups()
        return Requirement(name, Operator.NOT_IN if sign == "!=" else Operator.IN, (value,))
    if found := _MEMBERSHIP.fullmatch(part):
        name, word, inside = found.groups()
        values = tuple(value.strip() for value in inside.split(","))
        if all(re.fullmatch(_VALUE, value) for value in values):
            return Requirement(name, Operator(word), values)
    elif found := _EXISTENCE.fullmatch(part):
        sign, name = found.groups()
        return Requirement(name, Operator.ABSENT if sign else Operator.EXISTS)
    raise InvalidInputError(
        f"{field}: {part!r} in {text!r} is no requirement; write label=value, label!=value, label in (a, b), "
        "label notin (a, b), label or !label, joined by commas"
    )
