import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.otlp.identity import canonical_attributes, canonical_scope, id_of
from phoenix_platform.otlp.series import AttributeValue, Kind, Series, Temporality

values: st.SearchStrategy[AttributeValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, -0.0, 1.0, math.nan])
    | st.text(max_size=2)
    | st.binary(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.text(max_size=1), inner, max_size=2)
    ),
    max_leaves=4,
)
attribute_sets = st.dictionaries(st.text(max_size=2), values, max_size=4)


A_SERIES = Series(
    metric="process.cpu.time",
    unit="s",
    kind=Kind.SUM,
    temporality=Temporality.CUMULATIVE,
    monotonic=True,
    resource={"process.pid": 7, "process.executable.name": "worker"},
    scope_name="scraper",
    scope_version="1.0",
    scope_attributes={},
    attributes={"state": "user"},
)


def test_the_ids_that_recordings_hold_do_not_change() -> None:
    every_type = {
        "n": None,
        "t": True,
        "i": -1,
        "d": 0.5,
        "s": "ä",
        "b": b"\xff",
        "a": (1, ("x",)),
        "m": {"k": 1},
    }
    assert id_of(A_SERIES) == 6758116965235496666
    assert (
        id_of(replace(A_SERIES, attributes=every_type, scope_attributes={"k": "v"}))
        == 11800696943443661540
    )


@given(attribute_sets, st.randoms(use_true_random=False))
def test_the_order_of_attributes_does_not_matter(
    attributes: dict[str, AttributeValue], random: Random
) -> None:
    shuffled = list(attributes.items())
    random.shuffle(shuffled)
    assert canonical_attributes(dict(shuffled)) == canonical_attributes(attributes)


@pytest.mark.parametrize(
    "changed",
    [
        replace(A_SERIES, metric="process.cpu.times"),
        replace(A_SERIES, resource={"process.pid": 8, "process.executable.name": "worker"}),
        replace(A_SERIES, resource={"process.pid": 7}),
        replace(A_SERIES, scope_name="scraper1", scope_version=".0"),
        replace(A_SERIES, scope_version="1.1"),
        replace(A_SERIES, scope_attributes={"state": "user"}, attributes={}),
        replace(A_SERIES, attributes={"state": "system"}),
    ],
)
def test_whatever_names_a_series_changes_its_id(changed: Series) -> None:
    assert id_of(changed) != id_of(A_SERIES)


def test_unit_kind_and_temporality_do_not_enter_the_id() -> None:
    described = replace(A_SERIES, unit="ms", kind=Kind.GAUGE, temporality=Temporality.UNSPECIFIED)
    assert id_of(described) == id_of(A_SERIES)


def test_values_of_different_types_are_different_values() -> None:
    alike: list[AttributeValue] = [
        None, False, 0, 0.0, -0.0, "", b"", (), {}, True, 1, 1.0, "1", b"1", ("1",), (1,), ((1,),), {"1": None}, {"": "1"}, math.nan, "nan",
    ]  # fmt: skip
    assert len({canonical_attributes({"k": value}) for value in alike}) == len(alike)


def test_every_nan_is_the_same_value() -> None:
    assert canonical_attributes({"k": -math.nan}) == canonical_attributes({"k": math.nan})


def test_where_a_text_ends_and_the_next_begins_matters() -> None:
    assert canonical_attributes({"a": "bc"}) != canonical_attributes({"ab": "c"})
    assert canonical_scope("a", "b", {}) != canonical_scope("ab", "", {})


def test_text_that_is_not_utf_8_has_an_identity_of_its_own() -> None:
    escaped = b"\xff".decode("utf-8", "surrogateescape")
    assert canonical_attributes({"k": escaped}) != canonical_attributes(
        {"k": "\N{REPLACEMENT CHARACTER}"}
    )
