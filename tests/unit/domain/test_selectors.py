"""Which hosts a selector means."""

import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.selectors import MAX_LABELS, Selector, checked_labels

WEB = {"env": "prod", "tier": "web", "zone": "a"}


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ("", True),
        ("  ", True),
        ("env=prod", True),
        ("env==prod", True),
        ("env = test", False),
        ("env!=prod", False),
        ("env!=test", True),
        ("missing!=x", True),
        ("tier in (web, api)", True),
        ("tier in (api)", False),
        ("tier notin (api, db)", True),
        ("tier notin (web)", False),
        ("zone", True),
        ("rack", False),
        ("!rack", True),
        ("! zone", False),
        ("env=prod,tier in (web,api),!canary", True),
        ("env=prod,canary", False),
        ("env=", False),
    ],
)
def test_a_selector_finds_by_labels(text: str, *, is_match: bool) -> None:
    assert Selector.parse(text, field="selector").matches(WEB) is is_match


@pytest.mark.parametrize(
    "text",
    ["env=prod", "env!=prod", "tier in (web,api)", "tier notin (web,api)", "zone", "!zone", ""],
)
def test_a_selector_reads_back_as_it_is_written(text: str) -> None:
    assert str(Selector.parse(text, field="selector")) == text


@pytest.mark.parametrize(
    "text", ["env=prod,", "=x", "env in web", "env in (a;b)", "a b", "env=*", "(env)", "-env"]
)
def test_what_is_no_requirement_is_said_with_its_place(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^selector: .* is no requirement; write "):
        Selector.parse(text, field="selector")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a b": "x"}, "labels: 'a b' is no label name"),
        ({"a": "x y"}, "labels: a: 'x y' is no label value"),
        ({f"l{number}": "x" for number in range(MAX_LABELS + 1)}, "labels: 65 labels"),
    ],
)
def test_labels_that_no_selector_could_name_are_refused(
    labels: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        checked_labels(labels, field="labels")
