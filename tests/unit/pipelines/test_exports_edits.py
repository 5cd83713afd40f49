"""Edits of a text at a path: the new value is there, and all else is to the letter."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.documents import read_document, thawed
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.exports.edits import Editor
from phoenix_platform.pipelines.exports.fragments import value_lines
from phoenix_platform.pipelines.exports.trees import found, read_tree, start_with_comments


def edited(text: str, edit: Callable[[Editor], None]) -> str:
    editor = Editor(text, name="f.yaml")
    edit(editor)
    read_document(editor.text, name="f.yaml")
    return editor.text


def add(path: tuple[str, ...], *, before: str | None = None) -> Callable[[Editor], None]:
    return lambda editor: editor.add_member(
        path, "new", {"k": 1}, ["# new", "new:", "  k: 1"], before=before
    )


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        pytest.param("a:\n  x: 1 # c\n  # end\nb: 2\n", None, "a:\n  x: 1 # c\n  # new\n  new:\n    k: 1\n  # end\nb: 2\n", id="block"),
        pytest.param("a:\n  x: 1\n  # of y\n  y: 2\n", "y", "a:\n  x: 1\n  # new\n  new:\n    k: 1\n  # of y\n  y: 2\n", id="before"),
        pytest.param("a:\n  x: 1\n", "y", "a:\n  x: 1\n  # new\n  new:\n    k: 1\n", id="before-nothing"),
        pytest.param("a: # c\nb: 2\n", None, "a: # c\n  # new\n  new:\n    k: 1\nb: 2\n", id="null"),
        pytest.param("a: {} # c\nb: 2\n", None, "a: # c\n  # new\n  new:\n    k: 1\nb: 2\n", id="empty"),
        pytest.param("a: {x: 1} # c\n", None, "a: {x: 1, new: {k: 1}} # c\n", id="flow"),
        pytest.param("{a: {}}\n", None, "{a: {new: {k: 1}}}\n", id="empty-in-flow"),
        pytest.param("{a: , b: 1}\n", None, "{a: {new: {k: 1}} , b: 1}\n", id="null-in-flow"),
        pytest.param("a:\n  x: |\n    t\n\nb: 1", None, "a:\n  x: |\n    t\n  # new\n  new:\n    k: 1\n\nb: 1\n", id="block-scalar"),
    ],
)  # fmt: skip
def test_a_member_is_added(text: str, before: str | None, after: str) -> None:
    assert edited(text, add(("a",), before=before)) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        pytest.param("a:\n  x:   # c\n    y: 1\n  z: 2\n", "a:\n  x:   # c\n    - 7\n  z: 2\n", id="block"),
        pytest.param("a:\n  x: {y: 1} # c\n", "a:\n  x:\n    - 7 # c\n", id="flow"),
        pytest.param("a: {x: {y: 1}, z: 2}\n", "a: {x: [7], z: 2}\n", id="in-flow"),
        pytest.param("a:\n  x:\n  z: 2\n", "a:\n  x:\n    - 7\n  z: 2\n", id="null"),
    ],
)  # fmt: skip
def test_a_value_is_replaced(text: str, after: str) -> None:
    assert edited(text, lambda one: one.set_member(("a", "x"), (7,), ["- 7"])) == after


def test_a_scalar_takes_the_place_of_a_block() -> None:
    after = edited("a:\n  x:\n    y: 1\n  z: 2\n", lambda one: one.set_member(("a", "x"), 5, ["5"]))
    assert after == "a:\n  x: 5\n  z: 2\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        pytest.param("a:\n  # ours\n  x: {y: 1} # c\n  z: 2\n", "a:\n  z: 2\n", id="marked"),
        pytest.param("a:\n  # theirs\n  x:\n    y: 1\n  z: 2\n", "a:\n  # theirs\n  z: 2\n", id="not-marked"),
        pytest.param("a:\n  z: 2\n  x:\nb: 1\n", "a:\n  z: 2\nb: 1\n", id="null"),
        pytest.param("a: {x: {y: 1}, z: 2}\n", "a: {z: 2}\n", id="first-in-flow"),
        pytest.param("a: {z: 2, x: }\n", "a: {z: 2 }\n", id="last-in-flow"),
    ],
)  # fmt: skip
def test_a_member_is_removed(text: str, after: str) -> None:
    assert edited(text, lambda one: one.remove_member(("a", "x"), mark="# ours")) == after


@pytest.mark.parametrize(
    "shape", ["[{}]", "\n- {}", "\n  - {} # c"], ids=["flow", "block", "indented"]
)
@settings(max_examples=25, deadline=None)
@given(
    old=st.lists(st.sampled_from("abcdef"), min_size=1, unique=True),
    new=st.lists(st.sampled_from("abcdef"), min_size=1, unique=True),
)
def test_a_list_becomes_another(shape: str, old: list[str], new: list[str]) -> None:
    is_flow = shape == "[{}]"
    body = f" [{', '.join(old)}]" if is_flow else "".join(shape.format(one) for one in old)
    text = f"x:{body}\ny: 1 # stays\n"
    editor = Editor(text, name="f.yaml")
    editor.change_list(("x",), old, new)
    assert thawed(read_document(editor.text, name="f.yaml").root) == {"x": new, "y": 1}
    assert editor.text.endswith("\ny: 1 # stays\n")


def test_an_empty_list_is_filled_and_nothing_added_is_nothing_changed() -> None:
    assert edited("x: [] # c\n", lambda one: one.add_entries(("x",), 0, ["a"])) == "x: [a] # c\n"
    assert edited("x: []\n", lambda one: one.add_entries(("x",), 0, [])) == "x: []\n"


@pytest.mark.parametrize("text", ["x: &a {y: 1}\na: *a\n", "x: &a {y: {z: 1}}\na:\n  <<: *a\n"])
def test_what_an_alias_brings_is_not_edited(text: str) -> None:
    path = ("a",) if "<<" not in text else ("a", "y")
    with pytest.raises(InvalidInputError, match=r"^f.yaml: a.*alias or a merge key; write it out"):
        Editor(text, name="f.yaml").add_member(path, "n", 1, ["n: 1"])


def test_an_empty_text_is_not_filled() -> None:
    with pytest.raises(InvalidInputError, match="empty"):
        Editor("{}\n", name="f.yaml").add_member((), "n", 1, ["n: 1"])


def test_a_byte_order_mark_stays_first() -> None:
    editor = Editor("\ufeffa: 1\n", name="f.yaml")
    editor.insert_at_top(["# head"])
    assert editor.text == "\ufeff# head\na: 1\n"


def test_places_that_are_not_there_are_not_found() -> None:
    tree = read_tree("a: [1]\n", name="f.yaml")
    assert found(tree, ("a", 1)) is None
    assert found(tree, ("b",)) is None
    node = found(tree, ("a", 0))
    assert node is not None
    assert (node.text, node.is_missing) == ("1", False)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("a:\n  # why\n  x: 1 # c\n", ["# why", "x: 1 # c"], id="block"),
        pytest.param("a: {x: 1}\n", ["x: 1"], id="flow"),
        pytest.param("b: &b 1\na:\n  x: *b\n", ["x: 1"], id="alias"),
    ],
)
def test_a_fragment_stands_alone(text: str, lines: list[str]) -> None:
    document = read_document(text, name="f.yaml")
    found_lines = value_lines(document, ("a",), {"x": 1})
    assert [line.partition(" # ")[0] for line in found_lines] == [
        line.partition(" # ")[0] for line in lines
    ]


KEYS = st.sampled_from(["a", "b", "c d", "on", "1"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab:#{}[]'\" \n", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    root=st.dictionaries(KEYS, VALUES, min_size=1, max_size=4),
    value=st.dictionaries(KEYS, VALUES, min_size=1),
)
def test_an_edit_of_what_we_write_changes_one_thing(
    root: dict[str, Any], value: dict[str, Any]
) -> None:
    text = write_document(read_document(write_document(root), name="r").root)
    key = next(iter(root))
    frozen = read_document(write_document(value), name="v").root
    lines = write_document(frozen).rstrip("\n").split("\n")
    editor = Editor(text, name="f.yaml")
    editor.set_member((key,), frozen, lines)
    assert thawed(read_document(editor.text, name="f.yaml").root) == {**root, key: value}
    editor.add_member((), "zz", frozen, ["zz:", *(f"  {line}" for line in lines)])
    editor.remove_member((key,))
    rest = {name: one for name, one in root.items() if name != key}
    assert thawed(read_document(editor.text, name="f.yaml").root) == {**rest, "zz": value}


def test_comments_may_begin_with_the_text() -> None:
    text = "# a\n# b\nx: 1\n"
    assert start_with_comments(text, text.index("x")) == 0
