import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.opamp.instance_uids import (
    InstanceUid,
    instance_uid_of,
    parse_instance_uid,
    raw_uid_of,
)

UID = InstanceUid("0190a0b1c2d37e4f8a9b0c1d2e3f4a5b")


def test_a_uuid_is_its_16_bytes() -> None:
    assert instance_uid_of(bytes.fromhex(UID)) == UID
    assert raw_uid_of(UID) == bytes.fromhex(UID)


def test_a_ulid_is_read_as_its_128_bits() -> None:
    # From the specification of ULID: 01ARZ3NDEKTSV4RRFFQ69G5FAV.
    uid = instance_uid_of(b"01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert uid == "01563e3ab5d3d6764c61efb99302bd5b"
    assert instance_uid_of(b"01arz3ndektsv4rrffq69g5fav") == uid


@given(st.integers(1, 2**128 - 1))
def test_both_forms_of_a_uid_read_back_the_same(number: int) -> None:
    uid = InstanceUid(number.to_bytes(16).hex())
    assert instance_uid_of(raw_uid_of(uid)) == uid
    as_ulid = raw_uid_of(uid, like=b"0" * 26)
    assert len(as_ulid) == 26
    assert instance_uid_of(as_ulid) == uid


@pytest.mark.parametrize(
    ("raw", "mistake"),
    [
        pytest.param(b"", "0 bytes", id="missing"),
        pytest.param(b"x" * 15, "15 bytes", id="too-short"),
        pytest.param(bytes(16), "nothing but zeros", id="zeros"),
        pytest.param(b"U" * 26, "'U' is no letter", id="no-letter-of-a-ulid"),
        pytest.param(b"\xff" * 26, "is no letter", id="no-ascii"),
        pytest.param(b"8" + b"0" * 25, "beyond 128 bits", id="beyond-128-bits"),
    ],
)
def test_what_is_no_uid_is_refused(raw: bytes, mistake: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"^instance_uid: .*{mistake}"):
        instance_uid_of(raw)


def test_a_written_uid_may_have_the_hyphens_and_capitals_of_a_uuid() -> None:
    assert parse_instance_uid(UID) == UID
    assert parse_instance_uid("0190A0B1-C2D3-7E4F-8A9B-0C1D2E3F4A5B") == UID


@pytest.mark.parametrize("text", ["", "0190", "g" * 32, UID + "00", "30" * 26])
def test_what_is_no_written_uid_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="32 hexadecimal digits"):
        parse_instance_uid(text)
