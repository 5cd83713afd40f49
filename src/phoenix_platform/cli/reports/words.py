"""Words and numbers of the report that the terminal does not have."""

import re
from collections.abc import Sequence
from typing import Final

from phoenix_platform.analysis.verdicts import Judgement, Scope, Verdict
from phoenix_platform.cli.output import NO_DATA
from phoenix_platform.core.units import show_bytes, show_share

ANSWER_OF: Final = {
    Verdict.STOP_FUTILE: "No: it does not save enough.",
    Verdict.ABORT: "No: the candidate broke a guardrail.",
    Verdict.INCONCLUSIVE: "Not decided within the time.",
    Verdict.INVALID: "This run proves nothing either way.",
}
_THREE_DIGITS: Final = 100
"""From here on three digits stand before the point, and a fraction says nothing more."""
_SIZES: Final = ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))
"""From which size on which unit; thousands are readable as they are up to ten of them."""
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)$")
SIGN_OF: Final = {
    Verdict.PROMOTE: "✓",
    Verdict.STOP_FUTILE: "✕",
    Verdict.ABORT: "✕",
    Verdict.INCONCLUSIVE: "?",
    Verdict.INVALID: "!",
    None: "…",
}


def answer(judgement: Judgement, *, is_broken_off: bool) -> str:
    """The verdict as the answer to "may we use the candidate?"."""
    if is_broken_off or judgement.verdict is None:
        return "The run broke off before a verdict."
    if judgement.verdict is Verdict.PROMOTE:
        is_fleet = judgement.scope is Scope.FLEET
        return "Yes, for the whole fleet." if is_fleet else "Yes, for a first stage."
    return ANSWER_OF[judgement.verdict]


def whole(value: float | None) -> str:
    """`1 234 567`, with narrow spaces between the groups; a fraction only below a hundred."""
    if value is None:
        return NO_DATA
    digits = 0 if value == round(value) or abs(value) >= _THREE_DIGITS else 2
    text = f"{round(value, digits) + 0.0:,.{digits}f}"  # no negative zero
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", "\N{MINUS SIGN}")


def amount(value: float) -> str:
    """A short quantity for axes and labels: `640`, `12.5 k`, `3.4 M`."""
    for size, unit, sign in _SIZES:
        if abs(value) >= size:
            return f"{_short(value / unit)} {sign}"
    return whole(value) if abs(value) >= _THREE_DIGITS else _short(value)


def _short(value: float) -> str:
    text = f"{value:.0f}" if abs(value) >= _THREE_DIGITS else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def share(value: float | None) -> str:
    return NO_DATA if value is None else show_share(value)


def size(value: float | None) -> str:
    return NO_DATA if value is None else show_bytes(value)


def listed(words: Sequence[str], *, nothing: str = "none") -> str:
    return ", ".join(words) or nothing


def moment(text: str | None) -> str:
    """A time of the record, to the second: `2026-11-25 08:34:25 UTC`."""
    if not text:
        return NO_DATA
    match = _MOMENT.match(text)
    return f"{match[1]} {match[2]} UTC" if match else text
