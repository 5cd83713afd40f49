from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.oracle.agreement import assert_agree, outcome_of
from tests.oracle.bodies import (
    attribute,
    bodies,
    body,
    damaged_bodies,
    double_field,
    field,
    fixed32_field,
    fixed64_field,
    gauge,
    group,
    number_field,
    varint,
)
from tests.oracle.lenient_messages import LENIENT_REQUEST
from tests.oracle.plain_decoder import PlainDecoder

from phoenix_platform.otlp.decoding import Decoder

pytestmark = pytest.mark.timeout(300)  # a busy machine draws bodies slowly

drawn = settings(
    max_examples=30,
    deadline=None,
    # Whole bodies are large draws: some take long, some run out of what may be drawn and are given up.
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)

POINT = fixed64_field(3, 7) + double_field(4, 1.5)
OTHER_POINT = fixed64_field(3, 8) + fixed64_field(6, -3)
A, B = attribute(7, "a", "1"), attribute(7, "b", "2")
RESOURCE = attribute(1, "process.pid", "9")
NAME = field(1, b"m")


def nested(levels: int) -> bytes:
    """An `AnyValue` of arrays in arrays."""
    value = field(1, b"x")
    for _ in range(levels):
        value = field(5, field(1, value))
    return value


@drawn
@given(bodies)
def test_what_the_official_classes_take_the_kernel_decodes_alike(drawn_body: bytes) -> None:
    oracle, kernel = PlainDecoder(), Decoder()
    if outcome_of(PlainDecoder(), drawn_body) is not None:
        assert_agree(oracle, kernel, drawn_body)
        assert_agree(oracle, kernel, drawn_body)


@drawn
@given(st.lists(bodies, min_size=2, max_size=3), st.data())
def test_both_agree_while_series_come_and_are_forgotten(
    several: list[bytes], data: st.DataObject
) -> None:
    oracle, kernel = PlainDecoder(LENIENT_REQUEST), Decoder()
    for one in several:
        columns = assert_agree(oracle, kernel, one)
        if columns is not None:
            dropped = columns.rows[: data.draw(st.integers(0, len(columns)))]
            oracle.forget(dropped)
            kernel.forget(dropped)
    assert_agree(oracle, kernel, several[0])


@drawn
@given(bodies, damaged_bodies())
def test_a_damaged_body_is_refused_by_both_or_by_none(sound: bytes, damaged: bytes) -> None:
    oracle, kernel = PlainDecoder(LENIENT_REQUEST), Decoder()
    assert_agree(oracle, kernel, sound)
    assert_agree(oracle, kernel, damaged)
    assert_agree(oracle, kernel, sound)


@drawn
@given(st.binary(max_size=40))
@example(b"")
def test_noise_is_refused_by_both_or_by_none(noise: bytes) -> None:
    assert_agree(PlainDecoder(LENIENT_REQUEST), Decoder(), noise)


def test_a_body_cut_off_anywhere_is_refused_by_both_or_by_none() -> None:
    whole = body(
        gauge("m", POINT + A + B, OTHER_POINT + B), resource=RESOURCE, scope=field(1, b"s")
    )
    oracle, kernel = PlainDecoder(LENIENT_REQUEST), Decoder()
    for end in range(len(whole)):
        assert_agree(oracle, kernel, whole[:end])
    assert_agree(oracle, kernel, whole)


SOUND_SHAPES = {
    "points-before-the-name": field(5, field(1, POINT)) + NAME,
    "temporality-after-the-points": NAME + field(7, field(1, POINT), number_field(2, 2)),
    "temporality-in-a-later-part": NAME + field(7, field(1, POINT)) + field(7, number_field(2, 1)),
    "unknown-temporality": NAME + field(7, number_field(2, 3), field(1, POINT)),
    "temporality-beyond-32-bits": NAME + field(7, number_field(2, 2**32 + 2), field(1, POINT)),
    "monotonic": NAME + field(7, number_field(3, 2**63), field(1, POINT)),
    "monotonic-in-a-histogram-means-nothing": NAME + field(9, number_field(3, 1), field(1, b"")),
    "data-in-two-parts": NAME + field(5, field(1, POINT)) + field(5, field(1, OTHER_POINT)),
    "two-parts-and-a-description-between": NAME
    + field(5, field(1, POINT))
    + field(2, b"d")
    + field(5, field(1, OTHER_POINT)),
    "the-last-kind-of-data-counts": field(5, field(1, POINT))
    + field(7, field(1, OTHER_POINT))
    + NAME,
    "back-to-the-first-kind": field(7, number_field(2, 2), field(1, POINT))
    + field(5, field(1, POINT), number_field(9, 1))
    + field(2, b"d")
    + field(7, field(1, OTHER_POINT)),
    "the-last-name-counts": field(1, b"first") + gauge("m", POINT),
    "the-last-number-counts": gauge("m", double_field(4, 1.0) + fixed64_field(6, 5)),
    "a-point-without-a-value": gauge("m", fixed64_field(3, 1)),
    "an-empty-point": gauge("m", b""),
    "times-beyond-int64": gauge("m", fixed64_field(2, 2**64 - 1) + fixed64_field(3, 2**63)),
    "flags": gauge("m", POINT + number_field(8, 1)),
    "flags-beyond-32-bits": gauge("m", POINT + number_field(8, 2**32 + 1)),
    "attributes-scattered": gauge("m", A + POINT + B + number_field(8, 1) + A),
    "attributes-before-and-after": gauge("m", A + B + POINT, POINT + B + A),
    "a-key-twice": gauge("m", POINT + A + attribute(7, "a", "2")),
    "histogram": NAME
    + field(9, field(1, attribute(9, "a", "1"), double_field(5, 2.5), number_field(10, 1))),
    "histogram-without-a-sum": NAME + field(9, number_field(2, 1), field(1, fixed64_field(4, 3))),
    "exponential-histogram": NAME
    + field(10, field(1, attribute(1, "a", "1"), double_field(5, 2.5), number_field(10, 1))),
    "summary": NAME + field(11, field(1, attribute(7, "a", "1"), double_field(5, 2.5))),
    "summary-without-a-sum": NAME + field(11, field(1, fixed64_field(4, 3))),
    "no-data": NAME,
    "a-group-among-the-fields": group(3, group(4, POINT) + number_field(1, 300))
    + gauge("m", POINT),
    "known-fields-of-other-wire-types": fixed32_field(1, 7)
    + number_field(5, 7)
    + field(5, field(1, fixed32_field(3, 9) + POINT + number_field(7, 1) + field(4, b"x"))),
    "a-tag-of-five-bytes": b"\x8a\x80\x80\x80\x00" + b"\x01m" + field(5, field(1, POINT)),
    "a-length-of-five-bytes": b"\x0a\x81\x80\x80\x80\x00m" + field(5, field(1, POINT)),
    "a-long-name": gauge("m" * 20_000, POINT),
}


@pytest.mark.parametrize("metric", SOUND_SHAPES.values(), ids=SOUND_SHAPES.keys())
def test_an_odd_metric_is_read_as_protobuf_says(metric: bytes) -> None:
    oracle, kernel = PlainDecoder(), Decoder()
    assert assert_agree(oracle, kernel, body(metric, resource=RESOURCE)) is not None
    assert assert_agree(oracle, kernel, body(metric, gauge("m", POINT), metric)) is not None


VALUES = {
    "empty": b"",
    "text": field(1, b"x"),
    "empty-text": field(1),
    "true": number_field(2, 1),
    "false": number_field(2, 0),
    "integer": number_field(3, -1),
    "double": double_field(4, 0.1),
    "not-a-number": double_field(4, float("nan")),
    "array": field(5, field(1, field(1, b"x")), field(1, number_field(3, 1)), field(1)),
    "empty-array": field(5),
    "map": field(6, attribute(1, "k", "v"), attribute(1, "k", "w"), attribute(1, "j", "x")),
    "bytes": field(7, b"\xff\x00"),
    "index-into-a-dictionary": number_field(8, 1),
    "the-last-one-counts": field(1, b"x") + number_field(2, 1),
    "an-index-replaces-a-text": field(1, b"x") + number_field(8, 1),
    "arrays-add-up": field(5, field(1, number_field(3, 1)))
    + field(5, field(1, number_field(3, 2))),
    "maps-add-up": field(6, attribute(1, "k", "v")) + field(6, attribute(1, "k", "w")),
    "an-array-starts-again-after-a-text": field(5, field(1)) + field(1, b"x") + field(5, field(1)),
    "a-map-starts-again-after-a-text": field(6, field(1)) + field(1, b"x") + field(6, field(1)),
    "unknown-fields": number_field(99, 1) + field(1, b"x") + field(5, number_field(9, 1)),
    "as-deep-as-it-goes": nested(46),
    "too-deep": nested(47),
    "too-deep-in-a-map": field(6, field(1, field(1, b"k"), field(2, nested(46)))),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_is_read_as_protobuf_says(value: bytes) -> None:
    pair = field(1, b"k") + field(2, value)
    assert_agree(PlainDecoder(), Decoder(), body(gauge("m", POINT + field(7, pair))))
    in_parts = field(2, value) + field(2, field(1, b"t")) + number_field(9, 1) + field(2, value)
    assert_agree(PlainDecoder(), Decoder(), body(gauge("m", POINT + field(7, in_parts))))


def test_a_resource_and_a_scope_in_parts_are_merged() -> None:
    scope = (
        field(1, field(1, b"s"))
        + field(1, field(2, b"1"), attribute(3, "k", "v"))
        + field(1, field(1, b"t"))
    )
    resource = (
        field(1, RESOURCE)
        + field(2, scope, field(2, gauge("m", POINT)))
        + field(1, attribute(1, "z", "1"))
    )
    whole = field(1, resource, field(1, attribute(1, "y", "1")))
    oracle, kernel = PlainDecoder(), Decoder()
    assert_agree(oracle, kernel, whole)
    assert_agree(oracle, kernel, whole)
    assert kernel.table.series(0).resource == {"process.pid": "9", "z": "1", "y": "1"}


TORN = b"\x2a\x02\x0a"  # an array of two bytes, the second of which the next part would give


@pytest.mark.parametrize(
    "torn",
    [
        pytest.param(body(gauge("m", field(7, field(2, TORN), field(2, b"\x00")))), id="value"),
        pytest.param(field(1, field(1, b"\x0a\x02\x0a"), field(1, b"\x00")), id="resource"),
        pytest.param(field(1, field(2, field(1, b"\x1a\x02\x0a"), field(1, b"\x00"))), id="scope"),
        pytest.param(field(1, field(1), field(1), field(1, b"\x0a")), id="third-part"),
        pytest.param(
            body(gauge("m", field(7, field(2), field(2), field(2, TORN)))), id="third-value"
        ),
    ],
)
def test_parts_are_merged_only_if_each_is_sound(torn: bytes) -> None:
    assert assert_agree(PlainDecoder(), Decoder(), torn) is None


UNSOUND = {
    "a-varint-of-eleven-bytes": number_field(99, 0)[:-1] + b"\xff" * 10 + b"\x01",
    "field-zero": b"\x00\x00",
    "a-tag-of-six-bytes": b"\x8a\x80\x80\x80\x80\x00\x00",
    "a-tag-beyond-32-bits": b"\x8a\x80\x80\x80\x10\x00",
    "a-length-of-six-bytes": b"\x12\x80\x80\x80\x80\x80\x00",
    "a-length-beyond-the-message": b"\x12\x05abc",
    "a-length-cut-off": b"\x12\x85",
    "a-group-never-ended": b"\x1b",
    "a-group-ended-as-another": b"\x1b\x24",
    "the-end-of-no-group": b"\x1c",
    "wire-type-six": b"\x1e\x00",
    "wire-type-seven": b"\x1f\x00",
    "a-32-bit-number-cut-off": b"\x1d\x00\x00\x00",
    "a-64-bit-number-cut-off": b"\x19\x00\x00\x00",
    "groups-too-deep": varint(99 << 3 | 3) * 101 + varint(99 << 3 | 4) * 101,
}
PLACES: dict[str, Callable[[bytes], bytes]] = {
    "body": lambda wrong: wrong,
    "resource-metrics": lambda wrong: field(1, wrong),
    "resource": lambda wrong: field(1, field(1, wrong)),
    "scope-metrics": lambda wrong: field(1, field(2, wrong)),
    "scope": lambda wrong: field(1, field(2, field(1, wrong))),
    "metric": body,
    "data": lambda wrong: body(field(7, wrong)),
    "replaced-data": lambda wrong: body(field(7, wrong) + gauge("m", POINT)),
    "point": lambda wrong: body(gauge("m", POINT + wrong)),
    "point-of-replaced-data": lambda wrong: body(gauge("m", POINT + wrong) + field(7)),
    "point-with-scattered-attributes": lambda wrong: body(gauge("m", A + POINT + B + wrong)),
    "key-value": lambda wrong: body(gauge("m", field(7, wrong))),
    "value": lambda wrong: body(gauge("m", field(7, field(2, wrong)))),
    "array": lambda wrong: body(gauge("m", field(7, field(2, field(5, wrong))))),
    "map": lambda wrong: body(gauge("m", field(7, field(2, field(6, wrong))))),
}


@pytest.mark.parametrize("wrong", UNSOUND.values(), ids=UNSOUND.keys())
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_what_is_wrong_is_found_wherever_it_stands(
    place: Callable[[bytes], bytes], wrong: bytes
) -> None:
    oracle, kernel = PlainDecoder(), Decoder()
    assert assert_agree(oracle, kernel, place(wrong)) is None
