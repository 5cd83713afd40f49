"""Whether a regular expression can match at all: an anchor where text must already have gone by.

No parser: it says so only of what a scan can be sure of. Called by the rules about conditions.
"""

import re
from collections.abc import Iterator
from typing import Final

_ATOM: Final = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:[^()\\]|\\.)*\)|[^\\\[\](){}*+?|]", re.DOTALL
)
_QUANTIFIER: Final = re.compile(r"(?:[*+?]|\{\d*,?\d*\})\??")
_ZERO_WIDTH: Final = frozenset({"\\b", "\\B", "\\A", "\\z", "^", "$"})


def can_never_match(pattern: str) -> bool:
    """Whether every alternative has `^` after, or `$` before, a character that it needs."""
    if "(?" in pattern:
        return False  # flags such as (?m) change what anchors mean
    branches = list(_branches(pattern))
    return bool(branches) and all(_is_impossible(branch) for branch in branches)


def _branches(pattern: str) -> Iterator[list[tuple[str, bool]]]:
    """Atoms of each top-level alternative, with whether one is needed; nothing where the scan is not sure."""
    branch: list[tuple[str, bool]] = []
    offset = 0
    branches = [branch]
    while offset < len(pattern):
        if pattern[offset] == "|":
            branch = []
            branches.append(branch)
            offset += 1
            continue
        atom = _ATOM.match(pattern, offset)
        if atom is None:
            return
        quantifier = _QUANTIFIER.match(pattern, atom.end())
        is_needed = atom[0][0] != "(" and (quantifier is None or quantifier[0][0] == "+")
        branch.append((atom[0], is_needed))
        offset = quantifier.end() if quantifier else atom.end()
    yield from branches


def _is_impossible(branch: list[tuple[str, bool]]) -> bool:
    has_consumed = must_end = False
    for atom, is_needed in branch:
        if atom == "^" and is_needed and has_consumed:
            return True
        if atom == "$" and is_needed:
            must_end = True
        elif is_needed and atom not in _ZERO_WIDTH:
            if must_end:
                return True
            has_consumed = True
    return False
