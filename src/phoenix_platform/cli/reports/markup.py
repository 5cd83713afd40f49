"""Text that may come from anybody, made safe to show; and elements whose attributes are always escaped.

Names of processes, hosts and metrics are chosen by whoever starts them. `page` and the drawings write
every text through this module: markup characters are escaped, and what cannot be seen (control
characters, marks that turn the reading direction) stands as an escape sequence, so that two different
names never look alike.
"""

import re
from typing import Final

from markupsafe import Markup

LONGEST_NAME: Final = 80
"""Characters of a name that are shown; the kernel's own names have 15, others may have any number."""
_LONG_WORD: Final = re.compile(r"\S{100,}")
"""Longer than any hash."""
_KEPT: Final = frozenset("\n\t\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}")
"""Not printable to Python, and yet harmless: ends of lines, and the spaces inside our own numbers."""


def visible(text: str) -> str:
    r"""The text with everything that cannot be seen written as `\x1b` or `\u202e`."""
    return "".join(sign if sign.isprintable() or sign in _KEPT else _escaped(sign) for sign in text)


def short_name(name: str) -> str:
    """A name for a table or a drawing: visible, on one line, and not longer than a line."""
    shown = "".join(sign if sign.isprintable() else _escaped(sign) for sign in name[:LONGEST_NAME])
    if len(name) <= LONGEST_NAME:
        return shown
    return f"{shown}… ({len(name)} characters)"


def readable(text: str) -> str:
    """The text of a sentence or a cell: visible, and without words that no line can hold."""
    return _LONG_WORD.sub(lambda word: short_name(word[0]), visible(text))


def element(name: str, *content: str | Markup, **attributes: str | float | None) -> Markup:
    """An element of SVG or HTML. Attributes: `_` reads `-`, `class_` reads `class`, None is left out."""
    written = Markup("").join(
        Markup(' {}="{}"').format(_attribute_name(key), _attribute(value))
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(
        each if isinstance(each, Markup) else visible(each) for each in content
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, inside)


def _attribute(value: str | float) -> str:
    return visible(value) if isinstance(value, str) else f"{round(value, 1):g}"


def _attribute_name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def _escaped(sign: str) -> str:
    return ascii(sign)[1:-1]
