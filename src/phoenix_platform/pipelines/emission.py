"""YAML text of a value, such that the collector and `documents` read back exactly that value.

Libraries leave text unquoted by the rules of one YAML version; the collector reads by others. Here only
text that no reader takes for anything else stays unquoted. Whoever hands a configuration to a collector
writes through this module.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.scalars import Scalar

_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_TAKEN_FOR_OTHERS: Final = frozenset(
    {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan"}
)
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]')
_SHORT_ESCAPE_OF: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


Plain: TypeAlias = Scalar | list["Plain"] | dict[str, "Plain"]
"""A value in plain dicts and lists, as `documents.thawed` gives it."""


def write_document(value: Value | Plain) -> str:
    """Block-style YAML; keys keep their order, text is quoted unless it is a plain word."""
    return "\n".join(_lines(value, "")) + "\n"


def _lines(value: Value | Plain, indent: str) -> Iterator[str]:
    match value:
        case Mapping() if value:
            for key, member in value.items():
                yield from _entry(f"{indent}{_scalar(key)}:", member, indent + "  ")
        case list() | tuple() if value:
            for member in value:
                yield from _entry(f"{indent}-", member, indent + "  ")
        case _:
            yield indent + _scalar(value)


def _entry(head: str, member: Value | Plain, indent: str) -> Iterator[str]:
    if isinstance(member, (Mapping, list, tuple)) and member:
        yield head
        yield from _lines(member, indent)
    else:
        yield f"{head} {_scalar(member)}"


def _scalar(value: Value | Plain) -> str:
    match value:
        case str():
            return _text(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
        case int():
            return str(value)
        case list() | tuple():
            return "[]"
        case _:
            return "{}"


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) is not None and text.lower() not in _TAKEN_FOR_OTHERS:
        return text
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT_ESCAPE_OF.get(character) or f"\\u{ord(character):04x}"


def _number(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)
