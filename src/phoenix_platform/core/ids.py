"""Identifiers: UUIDs of version 7, which sort by their time of birth (RFC 9562, section 5.7)."""

import secrets
from collections.abc import Callable
from typing import TypeAlias
from uuid import UUID

from phoenix_platform.core.clock import Clock

IdFactory: TypeAlias = Callable[[], UUID]


def new_id(clock: Clock) -> UUID:
    """A fresh UUIDv7: 48 bits of milliseconds, 74 random bits."""
    milliseconds = clock.unix_nano() // 1_000_000
    return uuid7(milliseconds, secrets.randbits(74))


def uuid7(milliseconds: int, random_bits: int) -> UUID:
    """The UUIDv7 of a time and 74 random bits."""
    high, low = random_bits >> 62, random_bits & ((1 << 62) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | low
    return UUID(int=value)
