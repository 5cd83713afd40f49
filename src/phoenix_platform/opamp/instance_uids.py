"""Instance uids: 16 bytes, mostly a UUID; clients from before 2024 send the 26 letters of a ULID.

A peer recognises answers by the very bytes that it sent, so sessions keep those beside the one form that we compare and store.
"""

import string
from typing import Final, NewType

from phoenix_platform.core.errors import InvalidInputError

InstanceUid = NewType("InstanceUid", str)
"""32 hexadecimal digits, lower case."""

_UUID_BYTES: Final = 16
_ULID_LETTERS: Final = 26
_MAX_UID: Final = 1 << 128
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE_OF: Final = {letter: value for value, letter in enumerate(_CROCKFORD)}


def instance_uid_of(raw: bytes) -> InstanceUid:
    """The uid in the form that we compare and store.

    Raises:
        InvalidInputError: If it is neither 16 bytes nor a ULID, or nothing but zeros.
    """
    match len(raw):
        case 16:
            number = int.from_bytes(raw)
        case 26:
            number = _number_of_ulid(raw)
        case length:
            raise InvalidInputError(
                f"instance_uid: {length} bytes; send 16 (a UUID) or the 26 letters of a ULID"
            )
    if number == 0:
        raise InvalidInputError("instance_uid: nothing but zeros; send a UUIDv7")
    return InstanceUid(number.to_bytes(_UUID_BYTES).hex())


def parse_instance_uid(text: str) -> InstanceUid:
    """The uid in the digits that people and programs write, with or without the hyphens of a UUID.

    Raises:
        InvalidInputError: If it is none.
    """
    digits = text.replace("-", "").lower()
    if len(digits) != 2 * _UUID_BYTES or not set(digits) <= set(string.hexdigits):
        raise InvalidInputError(
            f"instance_uid: {text[:40]!r} is none; give 32 hexadecimal digits (16 bytes)"
        )
    return instance_uid_of(bytes.fromhex(digits))


def raw_uid_of(uid: InstanceUid, *, like: bytes = b"") -> bytes:
    """The bytes of a uid, in the form of `like`: 16 bytes, or the letters of a ULID."""
    if len(like) != _ULID_LETTERS:
        return bytes.fromhex(uid)
    number = int(uid, 16)
    digits = [number >> 5 * place & 31 for place in reversed(range(_ULID_LETTERS))]
    return "".join(_CROCKFORD[digit] for digit in digits).encode()


def _number_of_ulid(raw: bytes) -> int:
    """Source: the ULID specification; 26 letters of 5 bits, the uppermost two of them unused."""
    number = 0
    for letter in raw.decode("latin-1").upper():
        if letter not in _VALUE_OF:
            raise InvalidInputError(f"instance_uid: {letter!r} is no letter of a ULID")
        number = number << 5 | _VALUE_OF[letter]
    if number >= _MAX_UID:
        raise InvalidInputError("instance_uid: a ULID beyond 128 bits; its first letter is 0 to 7")
    return number
