import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.environment import Reference, escaped, expanded, references_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${env:A}", [Reference("A", None)]),
        ("${A}", [Reference("A", None)]),
        ("${env:A:-b c}", [Reference("A", "b c")]),
        ("${env:A:-}", [Reference("A", "")]),
        ("x ${env:A} y ${B} z", [Reference("A", None), Reference("B", None)]),
        ("$${env:A}", []),
        ("$$${env:A}", [Reference("A", None)]),
        ("${file:/x}", []),
        ("${env:1A}", []),
        ("$A", []),
        ("${env:A", []),
    ],
)
def test_references_are_found_and_escaped_ones_are_not(text: str, found: list[Reference]) -> None:
    assert list(references_in(text)) == found


def test_references_are_found_however_deep() -> None:
    value: Value = {"a": ({"b": "${A}"}, 1, None), "c": "${B}"}
    assert [reference.name for reference in references_in(value)] == ["A", "B"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${env:NUMBER}", 5),
        ("${env:OCTAL}", 8),
        ("${env:LIST}", (1, 2)),
        ("${env:WORD}", "yes"),
        ("${env:BROKEN}", "a: b: c"),
        ("${env:EMPTY}", None),
        ("${env:EMPTY:-x}", None),
        ("${env:UNSET}", None),
        ("${env:UNSET:-7}", 7),
        ("n=${env:NUMBER}", "n=5"),
        ("n=${env:UNSET}.", "n=."),
        ("$${env:NUMBER}", "${env:NUMBER}"),
        ("$$${env:NUMBER}", "$5"),
        ("cost: $$5", "cost: $5"),
        ("$5", "$5"),
        ("plain", "plain"),
    ],
)
def test_a_text_is_read_as_the_collector_reads_it(text: str, value: Value) -> None:
    environment = {
        "NUMBER": "5",
        "OCTAL": "010",
        "LIST": "[1, 2]",
        "WORD": "yes",
        "BROKEN": "a: b: c",
        "EMPTY": "",
    }
    assert expanded(text, environment, field="f") == value


def test_values_are_expanded_however_deep() -> None:
    value: Value = {"a": ("${N}", {"b": "${N}"}), "c": 1}
    assert expanded(value, {"N": "5"}, field="f") == {"a": (5, {"b": 5}), "c": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${file:/etc/x}", r"^f\.a: \$\{file:/etc/x\}: only the collector can read it"),
        ("x${yaml:a}", r"^f\.a: \$\{yaml:a\}: only the collector can read it"),
        ("${1}", r"^f\.a: \$\{1\}: not the name of an environment variable"),
    ],
)
def test_what_only_the_collector_can_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        expanded({"a": text}, {}, field="f")


@given(st.text("a${}:env", max_size=20))
def test_what_is_escaped_is_seen_unchanged(text: str) -> None:
    assert expanded(escaped(text), {}, field="f") == text


def test_values_are_escaped_however_deep() -> None:
    assert escaped({"a": ("$", {"b": "$$"}, 1)}) == {"a": ("$$", {"b": "$$$$"}, 1)}
