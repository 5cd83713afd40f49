"""What the receiver hands on and what may be answered: the words between it and whoever takes bodies in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request for a sink."""

    body: bytes
    """The uncompressed `ExportMetricsServiceRequest` in protobuf, not looked into yet. If it came in JSON, it
    holds the fields that `decoding.Decoder` reads."""
    wire_bytes: int
    """Length of the body as it came, compressed or not."""
    path: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """All points were taken; the sender may forget them."""


@dataclass(frozen=True, slots=True)
class PartiallyAccepted:
    """Some points were refused for good; the sender must not send them again."""

    rejected_points: int
    message: str


@dataclass(frozen=True, slots=True)
class TryLater:
    """Nothing was taken, because a queue is full or something behind it is away."""

    retry_after: timedelta
    message: str = "not now; send the same request again later"


Answer: TypeAlias = Accepted | PartiallyAccepted | TryLater
Sink: TypeAlias = Callable[[Delivery], Awaitable[Answer]]
"""Takes one body. It raises `InvalidInputError` for a body it cannot read (answered with 400)."""
