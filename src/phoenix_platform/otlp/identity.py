"""The identity of a series: one canonical spelling of its name and attributes, and its 64-bit hash.

The decoder asks for it when it meets a series for the first time; everything that counts or pairs
series (metering, recordings, previews) compares the ids. They are stored, so the spelling must not
change: `tests/unit/otlp/test_identity.py` pins some.

The canonical spelling says the type of every value and the length of everything that has one, so two
different values never share a spelling: `true`, `1`, `1.0` and `"1"` are four identities, as they are
four values in OTLP. Keys are sorted by their UTF-8 bytes, so the order of attributes does not matter.
"""

import math
import struct
from typing import Final

import xxhash

from phoenix_platform.otlp.series import Attributes, AttributeValue, Series

_COUNT: Final = struct.Struct("<I")
_INTEGER: Final = struct.Struct("<q")
_DOUBLE: Final = struct.Struct("<d")
_NAN: Final = b"d" + _DOUBLE.pack(float("nan"))


def id_of(series: Series) -> int:
    """The 64-bit id of `series`; unit, kind and temporality do not enter it."""
    scope = canonical_scope(series.scope_name, series.scope_version, series.scope_attributes)
    resource = canonical_attributes(series.resource)
    return hash_of_parts(series.metric, resource, scope, canonical_attributes(series.attributes))


def hash_of_parts(metric: str, resource: bytes, scope: bytes, attributes: bytes) -> int:
    """XXH3-64 (seed 0) of a series whose canonical parts are known already.

    Two of n series share an id with a chance of about n² / 2^65: 3e-8 for a million series.
    """
    return xxhash.xxh3_64_intdigest(b"".join((_text(metric), resource, scope, attributes)))


def canonical_scope(name: str, version: str, attributes: Attributes) -> bytes:
    return _text(name) + _text(version) + canonical_attributes(attributes)


def canonical_attributes(attributes: Attributes) -> bytes:
    items = sorted((utf8(key), value) for key, value in attributes.items())
    parts = [b"m", _COUNT.pack(len(items))]
    for key, value in items:
        parts += (_COUNT.pack(len(key)), key, _canonical(value))
    return b"".join(parts)


def utf8(text: str) -> bytes:
    """The bytes of `text` as they came in, be they UTF-8 or not."""
    return text.encode("utf-8", "surrogateescape")


def _text(text: str) -> bytes:
    content = utf8(text)
    return b"s" + _COUNT.pack(len(content)) + content


def _canonical(value: AttributeValue) -> bytes:
    match value:
        case None:
            return b"n"
        case bool():
            return b"t" if value else b"f"
        case int():
            return b"i" + _INTEGER.pack(value)
        case float():
            # NaN has many bit patterns and one meaning. 0.0 and -0.0 stay two values.
            return b"d" + _DOUBLE.pack(value) if not math.isnan(value) else _NAN
        case str():
            return _text(value)
        case bytes():
            return b"b" + _COUNT.pack(len(value)) + value
        case tuple():
            return b"a" + _COUNT.pack(len(value)) + b"".join(map(_canonical, value))
        case _:
            return canonical_attributes(value)
