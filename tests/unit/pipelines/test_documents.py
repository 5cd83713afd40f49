from typing import Any

import pytest

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.documents import MAX_DEPTH, read_document, thawed


def read(text: str) -> Any:
    return thawed(read_document(text, name="f.yaml").root)


def test_scalars_keep_the_meaning_their_quotes_give_them() -> None:
    text = "{a: 1, b: '1', c: \"on\", d: on, e: ~, f: , g: !!str 12}"
    assert read(text) == {"a": 1, "b": "1", "c": "on", "d": "on", "e": None, "f": None, "g": "12"}


def test_a_block_scalar_is_text() -> None:
    assert read("a: |\n  10\n") == {"a": "10\n"}


def test_collections_may_carry_their_own_tags() -> None:
    assert read("a: !!seq [1]\nb: !!map {c: 2}\n") == {"a": [1], "b": {"c": 2}}


def test_an_alias_stands_for_its_anchor() -> None:
    assert read("a: &x {b: 1}\nc: *x\nd: &y 3\ne: *y") == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": 3,
        "e": 3,
    }


def test_own_keys_win_over_merged_ones_and_the_first_merged_over_the_next() -> None:
    text = "x: &x {a: 1, b: 1, c: 1}\ny: &y {c: 2, d: 2}\nz:\n  a: 0\n  <<: [*x, *y]\n"
    assert read(text)["z"] == {"a": 0, "b": 1, "c": 1, "d": 2}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert read("'<<': 3") == {"<<": 3}


def test_a_place_is_that_of_the_key() -> None:
    document = read_document("a:\n  b: [1, {c: 2}]\n", name="f.yaml")
    assert document.place(("a", "b")) == "f.yaml:2:3"
    assert document.place(("a", "b", 1, "c")) == "f.yaml:2:11"


def test_what_is_not_written_has_the_place_of_the_nearest_part_above() -> None:
    document = read_document("a:\n  b: 1\n", name="f.yaml")
    assert document.place(("a", "x", "y")) == "f.yaml:1:1"
    assert document.place(("z",)) == "f.yaml:1:1"


def test_merged_keys_have_the_place_of_their_anchor() -> None:
    document = read_document("x: &x\n  a: {b: 1}\nz:\n  <<: [*x]\n", name="f.yaml")
    assert document.place(("z", "a", "b")) == "f.yaml:2:7"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", r"^f\.yaml: empty", id="nothing"),
        pytest.param("# only words\n", r"^f\.yaml: empty", id="only-a-comment"),
        pytest.param("a: 1\na: 2", r"^f\.yaml:2:1: duplicate key 'a'", id="duplicate-key"),
        pytest.param(
            "a: {b: 1, 'b': 2}", r"^f\.yaml:1:11: duplicate key 'b'", id="duplicate-quoted-key"
        ),
        pytest.param("8080: x", r"^f\.yaml:1:1: a key that is not text: 8080", id="number-as-key"),
        pytest.param("true: x", r"a key that is not text: True", id="boolean-as-key"),
        pytest.param("? [a]\n: x", r"a key that is not text: a collection", id="list-as-key"),
        pytest.param(
            "x: &x {a: 1}\nz:\n  <<: *x\n  <<: *x", r":4:3: a second merge key", id="two-merge-keys"
        ),
        pytest.param("<<: 3", r"takes a mapping or a list of mappings", id="merge-of-a-number"),
        pytest.param(
            "<<: [3]", r"takes a mapping or a list of mappings", id="merge-of-a-list-of-numbers"
        ),
        pytest.param("<<: []", r"takes a mapping or a list of mappings", id="merge-of-nothing"),
        pytest.param("a: *x", r"^f\.yaml:1:4: the alias \*x has no anchor", id="unknown-alias"),
        pytest.param("a: &a [*a]", r"the alias \*a has no anchor", id="alias-of-itself"),
        pytest.param("a: 1\n---\nb: 2", r"^f\.yaml:2:1: a second document", id="two-documents"),
        pytest.param("a: !secret x", r"^f\.yaml:1:4: the tag !secret", id="unknown-tag"),
        pytest.param("a: [1", r"^f\.yaml:1:6: not YAML", id="open-bracket"),
        pytest.param("a: b: c", r"^f\.yaml:1:5: not YAML", id="mapping-in-a-line"),
        pytest.param("a: \x01", r"^f\.yaml: not YAML", id="control-character"),
    ],
)
def test_what_a_collector_would_refuse_or_misread_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_document(text, name="f.yaml")


def test_nesting_ends_somewhere() -> None:
    with pytest.raises(InvalidInputError, match=f"deeper than {MAX_DEPTH} levels"):
        read_document("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), name="f.yaml")


def test_a_few_aliases_cannot_fill_the_memory() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 6)]
    with pytest.raises(
        InvalidInputError, match=r"more than 200000 values once aliases are expanded"
    ):
        read_document("\n".join(lines), name="f.yaml")
