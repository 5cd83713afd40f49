import gzip

import pytest
import zstandard

from phoenix_platform.otlp.encodings import decompressed
from phoenix_platform.otlp.errors import BodyTooLargeError, MalformedBodyError

BODY = b"a body that repeats, " * 100
LIMIT = 1_000_000
GZIP = gzip.compress(BODY)
ZSTD = zstandard.ZstdCompressor(write_checksum=True).compress(BODY)


def streamed(body: bytes) -> bytes:
    """A zstd frame that does not say how much it holds."""
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(body) + compressor.flush()


def flipped(body: bytes, place: int) -> bytes:
    changed = bytearray(body)
    changed[place] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("encoding", "packed", "body"),
    [
        pytest.param("identity", BODY, BODY, id="identity"),
        pytest.param("gzip", GZIP, BODY, id="gzip"),
        pytest.param("gzip", gzip.compress(b""), b"", id="gzip-of-nothing"),
        pytest.param("gzip", GZIP + gzip.compress(b"") + GZIP, BODY * 2, id="gzip-members"),
        pytest.param("zstd", ZSTD, BODY, id="zstd"),
        pytest.param("zstd", streamed(BODY), BODY, id="zstd-of-unknown-length"),
        pytest.param("zstd", ZSTD + streamed(b"") + ZSTD, BODY * 2, id="zstd-frames"),
    ],
)
def test_a_body_is_unpacked(encoding: str, packed: bytes, body: bytes) -> None:
    assert decompressed(packed, encoding, max_bytes=LIMIT) == body


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_the_limit_itself_is_taken_and_a_byte_more_is_not(encoding: str) -> None:
    packed = {"identity": BODY, "gzip": GZIP, "zstd": ZSTD}[encoding]
    assert decompressed(packed, encoding, max_bytes=len(BODY)) == BODY
    with pytest.raises(BodyTooLargeError, match="more than 2099 bytes; send smaller") as caught:
        decompressed(packed, encoding, max_bytes=len(BODY) - 1)
    assert caught.value.facts["limit"] == 2099


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [
        pytest.param("gzip", gzip.compress(bytes(50_000_000), 1), id="gzip"),
        pytest.param("zstd", zstandard.ZstdCompressor().compress(bytes(50_000_000)), id="zstd"),
    ],
)
def test_a_bomb_stops_at_the_limit(encoding: str, bomb: bytes) -> None:
    with pytest.raises(BodyTooLargeError):
        decompressed(bomb, encoding, max_bytes=LIMIT)


@pytest.mark.parametrize(
    ("encoding", "wrong", "reason"),
    [
        pytest.param("gzip", b"", "cut off", id="gzip-empty"),
        pytest.param("gzip", GZIP[:-1], "cut off", id="gzip-cut-off"),
        pytest.param("gzip", BODY, "Invalid gzip", id="gzip-not-gzip"),
        pytest.param("gzip", flipped(GZIP, -5), "Incorrect checksum", id="gzip-checksum"),
        pytest.param("gzip", GZIP * 65, "more than 64 members", id="gzip-too-many-members"),
        pytest.param("zstd", b"", "cut off", id="zstd-empty"),
        pytest.param("zstd", ZSTD[:-1], "cut off", id="zstd-cut-off"),
        pytest.param("zstd", BODY, "Unknown frame", id="zstd-not-zstd"),
        pytest.param("zstd", flipped(ZSTD, -1), "checksum", id="zstd-checksum"),
        pytest.param("zstd", ZSTD * 65, "more than 64 frames", id="zstd-too-many-frames"),
    ],
)
def test_a_body_that_is_not_encoded_as_said_is_refused(
    encoding: str, wrong: bytes, reason: str
) -> None:
    with pytest.raises(
        MalformedBodyError, match=f"says {encoding}, but the body is not: .*{reason}"
    ):
        decompressed(wrong, encoding, max_bytes=LIMIT)
