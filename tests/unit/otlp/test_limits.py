"""The limits of protobuf bodies; `test_json_bodies.py` has those of JSON."""

import pytest
from tests.oracle.agreement import offset_of
from tests.oracle.bodies import attribute, body, double_field, field, gauge, number_field

from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.otlp.errors import BodyTooLargeError, MalformedBodyError
from phoenix_platform.otlp.limits import BodyLimits

FEW = BodyLimits(max_points=70, max_new_values=8, max_values=3, max_key_bytes=4, max_value_bytes=5)
POINT = double_field(4, 1.5)
A = attribute(7, "a", "1")


def a_value(*parts: bytes) -> bytes:
    """A point with one attribute of that `AnyValue`."""
    return field(7, field(1, b"k"), *(field(2, part) for part in parts))


def many(number: int, count: int) -> bytes:
    return b"".join(attribute(number, f"k{place}", "") for place in range(count))


WITHIN = {
    "points": body(gauge("m", *[POINT] * 70)),
    "values": body(gauge("m", many(7, 3))),
    "nested-values": body(gauge("m", a_value(field(5, field(1), field(1))))),
    "values-of-a-resource-a-scope-and-a-point": body(
        gauge("m", many(7, 2)), resource=many(1, 3), scope=many(3, 3)
    ),
    "known-values-again": body(*[gauge("m", many(7, 3))] * 10),
    "key": body(gauge("m", attribute(7, "abcd", ""))),
    "text": body(gauge("m", attribute(7, "k", "abcde"))),
    "bytes": body(gauge("m", a_value(field(7, b"abcde")))),
}


@pytest.mark.parametrize("sent", WITHIN.values(), ids=WITHIN.keys())
def test_the_limits_themselves_are_taken(sent: bytes) -> None:
    assert len(Decoder(FEW).decode(sent)) > 0


BEYOND = {
    "values": (gauge("m", A + many(7, 3)), "values in one set of attributes: 4 .* limit is 3"),
    "values-scattered": (gauge("m", many(7, 3) + POINT + A), "values in one set of attributes: 4"),
    "items": (gauge("m", a_value(field(5, field(1) * 3))), "values in one set of attributes: 4"),
    "pairs": (gauge("m", a_value(field(6, field(1) * 3))), "values in one set of attributes: 4"),
    "key": (gauge("m", attribute(7, "abcde", "")), "an attribute's key: 5 .* limit is 4"),
    "text": (gauge("m", attribute(7, "k", "abcdef")), "an attribute's value: 6 .* limit is 5"),
    "bytes": (gauge("m", a_value(field(7, b"abcdef"))), "an attribute's value: 6 .* limit is 5"),
    "of-replaced-data": (gauge("m", many(7, 4)) + field(7), "values in one set of attributes: 4"),
}


@pytest.mark.parametrize(("metric", "message"), BEYOND.values(), ids=BEYOND.keys())
def test_beyond_a_limit_the_error_names_it_the_value_and_the_byte(
    metric: bytes, message: str
) -> None:
    sent = body(metric)
    with pytest.raises(
        MalformedBodyError, match=f"{message}.*; shorten it or leave it out$"
    ) as caught:
        Decoder(FEW).decode(sent)
    offset = caught.value.facts["offset"]
    assert f" at byte {offset} of {len(sent)}," in str(caught.value)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(field(1, field(1, many(1, 2)), field(1, many(1, 2))), id="resource"),
        pytest.param(field(1, field(2, field(1, many(3, 2)), field(1, many(3, 2)))), id="scope"),
        pytest.param(body(gauge("m", a_value(field(5, field(1)), field(5, field(1))))), id="value"),
    ],
)
def test_what_is_too_much_only_when_merged_is_placed_at_its_message(sent: bytes) -> None:
    with pytest.raises(MalformedBodyError, match="values in one set of attributes: 4") as caught:
        Decoder(FEW).decode(sent)
    assert 0 < offset_of(caught.value) < len(sent)


def test_too_many_points_are_too_large_a_body_and_leave_nothing_behind() -> None:
    decoder = Decoder(FEW)
    sent = body(gauge("m", *[POINT] * 71))
    with pytest.raises(
        BodyTooLargeError, match=r"^points: 71 at byte .* the limit is 70; send smaller"
    ):
        decoder.decode(sent)
    assert decoder._kernel.sizes() == (0, 0, 0, 0, 0)
    assert len(decoder.decode(WITHIN["points"])) == 70


def test_a_hostile_body_of_empty_points_stops_at_the_limit() -> None:
    points = 10_000_000
    with pytest.raises(BodyTooLargeError, match="points: 500001 at byte 1000"):
        Decoder().decode(body(field(5, field(1) * points)))


def test_too_many_values_never_met_are_too_large_a_body() -> None:
    sent = body(*(gauge(str(place), attribute(7, str(place), "")) for place in range(9)))
    with pytest.raises(BodyTooLargeError, match=r"new values of attributes: 9 .* the limit is 8"):
        Decoder(FEW).decode(sent)


def test_values_met_before_are_not_counted_again() -> None:
    decoder = Decoder(FEW)
    decoder.decode(body(*(gauge("m", attribute(7, str(place), "")) for place in range(6))))
    later = body(*(gauge("m", attribute(7, str(place), "")) for place in range(12)))
    assert len(decoder.decode(later)) == 12


@pytest.mark.parametrize("levels", [47, 10_000])
def test_deep_nesting_is_refused_not_followed(levels: int) -> None:
    value = number_field(3, 1)
    for _ in range(levels):
        value = field(5, field(1, value))
    with pytest.raises(MalformedBodyError, match="more than 100 levels, at byte"):
        Decoder().decode(body(gauge("m", a_value(value))))
