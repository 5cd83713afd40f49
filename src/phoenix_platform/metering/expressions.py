"""Regular expressions that mean the same here and in the collector, whose language is RE2.

A pattern picks processes in two places: `reduce` keeps them, metering checks that they were kept. So what Python
would read otherwise is translated, and what it cannot say is refused. `patterns` compiles with it.
"""

import re
import warnings
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<escape> \\ (?: x[0-9A-Fa-f]{2} | . ) )
    | (?P<set> \[ \^? \]? (?: \\. | [^\]\\] )* \] )
    | (?P<group> \( \? (?: P<\w+> | (?P<flags> [ims]* ) [:)] )? )
    | (?P<repeat> (?: [*+?] | \{ \d+ (?: , \d* )? \} ) [*+?]? )
    | (?P<end> \$ )
    | (?P<brace> \{ , )
    | (?P<text> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|[^0-9A-Za-z\x80-\U0010ffff]|[afnrtvdDsSwW])")
"""The ones that both languages read alike, in a set and outside."""
_OTHERWISE: Final = {r"\A": r"\A", r"\b": r"\b", r"\B": r"(?:\B|\A\Z)", r"\z": r"\Z"}
"""Places, which are no members of a set. Python's `\\B` is not in the empty text."""
_LAZY: Final = "?"
_MOST_REPEATS: Final = 1000
"""The bound that RE2 has."""


class ForeignExpressionError(ValueError):
    """An expression that one of the two languages does not know, or reads otherwise; says what in it."""


def compile_alike(expression: str) -> re.Pattern[str]:
    """Compile what the collector would compile, with the same meaning.

    Raises:
        ForeignExpressionError: If it cannot be said here, or would not be understood there.
        re.error: If it is no regular expression.
    """
    flags = {flag for token in _TOKEN.finditer(expression) for flag in token["flags"] or ""}
    if "i" in flags and not expression.isascii():
        raise ForeignExpressionError("(?i) with letters beyond ASCII")
    python = "".join(_translated(expression, is_multiline="m" in flags))
    with warnings.catch_warnings():
        # Sets are read as they always were; Python means to read some of them otherwise one day.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(python, re.ASCII)


def _translated(expression: str, *, is_multiline: bool) -> Iterator[str]:
    for token in _TOKEN.finditer(expression):
        text = token[0]
        match token.lastgroup:
            case "escape":
                yield _escape(text)
            case "set":
                _refuse_in_set(text)
                yield text
            case "group" if text == "(?":
                raise ForeignExpressionError("look-around, a comment, or a group of another kind")
            case "repeat":
                _refuse_repeat(text)
                yield text
            case "brace":
                raise ForeignExpressionError("{,n}, which is text there; write {0,n}")
            case "end":  # Python's also stands before a line feed at the end
                yield text if is_multiline else r"\Z"
            case _:
                yield text


def _escape(text: str) -> str:
    if text in _OTHERWISE:
        return _OTHERWISE[text]
    if _ESCAPE.fullmatch(text):
        return text
    raise ForeignExpressionError(f"{text}, a back-reference or an escape that only one of them has")


def _refuse_in_set(text: str) -> None:
    if "[:" in text[1:]:
        raise ForeignExpressionError("a named class such as [:alpha:]; write a-z")
    for escape in re.findall(r"\\(?:x[0-9A-Fa-f]{2}|.)", text, re.DOTALL):
        if not _ESCAPE.fullmatch(escape):
            raise ForeignExpressionError(f"{escape} in a set")


def _refuse_repeat(text: str) -> None:
    if len(text) > 1 and text[-1] in "*+?" and text[-1] != _LAZY:
        raise ForeignExpressionError("a possessive quantifier")
    if any(int(number) > _MOST_REPEATS for number in re.findall(r"\d+", text)):
        raise ForeignExpressionError(f"more than {_MOST_REPEATS} repetitions")
