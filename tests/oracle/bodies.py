"""OTLP bodies for tests, written byte by byte: by hand where a shape matters, or drawn by Hypothesis.

The drawn ones use all that protobuf allows: fields in any order, given twice or not at all, numbers
nobody knows, known numbers with another wire type, groups.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import partial

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

TEXTS = ("", "a", "b", "state", "process.cpu.time", "ä€😀", "x" * 200)


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def number_field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value % 2**64)


def fixed64_field(number: int, value: int) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<Q", value % 2**64)


def double_field(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def field(number: int, *contents: bytes) -> bytes:
    """A message, text or bytes; several contents are concatenated."""
    content = b"".join(contents)
    return varint(number << 3 | 2) + varint(len(content)) + content


def fixed32_field(number: int, value: int) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<I", value % 2**32)


def group(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 3) + content + varint(number << 3 | 4)


def attribute(number: int, key: str, value: str) -> bytes:
    """A `KeyValue` with a text, as field `number`."""
    return field(number, field(1, key.encode()), field(2, field(1, value.encode())))


def body(*metrics: bytes, resource: bytes = b"", scope: bytes = b"") -> bytes:
    """A request with one resource and one scope; all arguments are the contents of messages."""
    messages = b"".join(field(2, metric) for metric in metrics)
    return field(1, field(1, resource), field(2, field(1, scope), messages))


def gauge(name: str, *points: bytes) -> bytes:
    return field(1, name.encode()) + field(5, *(field(1, point) for point in points))


def _message(
    *fields: SearchStrategy[bytes], sizes: tuple[int, int] = (0, 4)
) -> SearchStrategy[bytes]:
    low, high = sizes
    several = st.lists(st.one_of(*fields, *fields, unknown_fields), min_size=low, max_size=high)
    return several.map(b"".join)


def _of(number: int, *contents: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    return st.one_of(contents).map(partial(field, number))


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)


_numbers = st.integers(1, 16) | st.sampled_from([100, 2**29 - 1])
_integers = st.sampled_from(
    [0, 1, 2, 127, 128, 2**31, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**64 - 1]
)
_doubles = st.sampled_from([0.0, -0.0, 1.0, -1.5, 1e300, float("inf"), float("nan")])

unknown_fields: SearchStrategy[bytes] = st.recursive(
    st.one_of(
        st.builds(number_field, _numbers, _integers),
        st.builds(fixed64_field, _numbers, _integers),
        st.builds(fixed32_field, _numbers, _integers),
        st.builds(field, st.integers(17, 99), st.binary(max_size=4)),
    ),
    lambda inner: st.builds(group, _numbers, st.lists(inner, max_size=2).map(_joined)),
    max_leaves=3,
)
_texts = st.sampled_from([text.encode() for text in TEXTS])
_any_scalars = _message(
    _of(1, _texts),
    st.builds(number_field, st.just(2), _integers),
    st.builds(number_field, st.just(3), _integers),
    st.builds(double_field, st.just(4), _doubles),
    _of(7, st.binary(max_size=3)),
    st.builds(number_field, st.just(8), _integers),
    sizes=(0, 2),
)


def _key_values(values: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    plain = st.tuples(_of(1, _texts), _of(2, values)).map(_joined)
    return plain | _message(_of(1, _texts), _of(2, values))


_any_values = st.recursive(
    _any_scalars,
    lambda inner: _message(
        _of(5, _message(_of(1, inner))), _of(6, _message(_of(1, _key_values(inner)))), sizes=(1, 2)
    ),
    max_leaves=4,
)
_attributes = _key_values(_any_values)
_times = (
    st.builds(fixed64_field, st.just(2), _integers),
    st.builds(fixed64_field, st.just(3), _integers),
)
_resources = _message(_of(1, _attributes), st.builds(number_field, st.just(2), _integers))
_scopes = _message(_of(1, _texts), _of(2, _texts), _of(3, _attributes))


def _points(attributes: int, flags: int, *values: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    numbers = st.builds(number_field, st.just(flags), _integers)
    return _message(_of(attributes, _attributes), *_times, numbers, *values, sizes=(0, 7))


def _data(points: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    temporalities = st.builds(number_field, st.just(2), st.sampled_from([0, 1, 2, 3, 2**32 + 1]))
    monotonics = st.builds(number_field, st.just(3), _integers)
    return _message(_of(1, points), _of(1, points), temporalities, monotonics, sizes=(1, 5))


_sums = st.builds(double_field, st.just(5), _doubles)
_number_points = _points(
    7,
    8,
    st.builds(double_field, st.just(4), _doubles),
    st.builds(fixed64_field, st.just(6), _integers),
)
_kinds: Sequence[SearchStrategy[bytes]] = (
    _of(5, _data(_number_points)),
    _of(7, _data(_number_points)),
    _of(9, _data(_points(9, 10, _sums))),
    _of(10, _data(_points(1, 10, _sums))),
    _of(11, _data(_points(7, 8, _sums))),
)
_metrics = _message(_of(1, _texts), _of(3, _texts), *_kinds, sizes=(2, 5))
_scope_metrics = _message(_of(1, _scopes), _of(2, _metrics), _of(2, _metrics), sizes=(2, 5))
_resource_metrics = _message(
    _of(1, _resources), _of(2, _scope_metrics), _of(2, _scope_metrics), sizes=(2, 5)
)

bodies: SearchStrategy[bytes] = _message(
    _of(1, _resource_metrics), _of(1, _resource_metrics), sizes=(1, 4)
)
"""Requests that are well-formed on the wire, however odd."""


@st.composite
def damaged_bodies(draw: st.DrawFn) -> bytes:
    """Requests with bytes changed, put in, taken out, or cut off."""
    damaged = bytearray(draw(bodies))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(damaged)))
        taken = draw(st.integers(0, 2))
        damaged[place : place + taken] = draw(st.binary(max_size=2))
    return bytes(damaged[: draw(st.integers(0, len(damaged)))] if draw(st.booleans()) else damaged)
