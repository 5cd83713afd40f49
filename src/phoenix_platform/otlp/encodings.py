"""Content encodings of OTLP/HTTP: bodies are unpacked up to a limit, so that a bomb stops there.

The receiver calls it once per request. gzip bodies may have several members and zstd bodies several
frames, as their formats allow.
Sources: RFC 1952 (gzip), RFC 8878 (zstd).
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

import zstandard
from isal import igzip_lib

from phoenix_platform.otlp.errors import BodyTooLargeError, MalformedBodyError

_MAX_PARTS: Final = 64
"""Members or frames of one body. Senders write one; a million empty ones would only burn CPU."""

_MAX_ZSTD_EXPANSION: Final = 128 * 1024 // 4
"""An RLE block of 4 bytes may stand for a block of 128 KiB (RFC 8878, section 3.1.1.2): nothing grows faster."""

_IsalError: Final = cast("type[Exception]", igzip_lib.IsalError)  # its stub says it is an instance


class _Member(Protocol):
    """`IgzipDecompressor`, whose stub leaves out what it takes."""

    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes: ...


def _identity(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _gunzip(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    left, rest = limit, body
    for _ in range(_MAX_PARTS):
        member = cast("_Member", igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP))
        try:
            part = member.decompress(rest, max_length=left + 1)
        except _IsalError as error:
            raise _malformed("gzip", str(error)) from error
        left -= len(part)
        if left < 0:
            raise _too_large(limit)
        if not member.eof:
            raise _malformed("gzip", "it is cut off")
        parts.append(part)
        rest = member.unused_data
        if not rest:
            return b"".join(parts)
    raise _malformed("gzip", f"it has more than {_MAX_PARTS} members")


def _unzstd(body: bytes, limit: int) -> bytes:
    # zstandard has no bound on what one call gives back, so no call gets more than can become `limit`.
    slice_bytes = max(1, limit // _MAX_ZSTD_EXPANSION)
    parts: list[bytes] = []
    left, position = limit, 0
    for _ in range(_MAX_PARTS):
        frame = zstandard.ZstdDecompressor().decompressobj()
        while not frame.eof:
            taken = body[position : position + slice_bytes]
            if not taken:
                raise _malformed("zstd", "it is cut off")
            try:
                part = frame.decompress(taken)
            except zstandard.ZstdError as error:
                raise _malformed("zstd", str(error)) from error
            position += len(taken)
            left -= len(part)
            if left < 0:
                raise _too_large(limit)
            parts.append(part)
        position -= len(frame.unused_data)
        if position == len(body):
            return b"".join(parts)
    raise _malformed("zstd", f"it has more than {_MAX_PARTS} frames")


DECODER_OF: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "identity": _identity,
    "gzip": _gunzip,
    "zstd": _unzstd,
}


def decompressed(body: bytes, encoding: str, *, max_bytes: int) -> bytes:
    """`body` without its content encoding, one of `DECODER_OF`.

    Raises:
        MalformedBodyError: If it is not encoded so, or cut off.
        BodyTooLargeError: If it unpacks to more than `max_bytes`.
    """
    return DECODER_OF[encoding](body, max_bytes)


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"the uncompressed body has more than {limit} bytes; send smaller batches", limit=limit
    )


def _malformed(encoding: str, reason: str) -> MalformedBodyError:
    return MalformedBodyError(
        f"content-encoding says {encoding}, but the body is not: {reason}", offset=None
    )
