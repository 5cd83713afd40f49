import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.opamp.frames import (
    agent_message_of,
    agent_message_of_frame,
    server_message_of,
    server_message_of_frame,
    to_frame,
)
from phoenix_platform.opamp.opamp_pb2 import AgentToServer, ServerToAgent


def test_a_frame_is_the_header_and_the_message() -> None:
    message = AgentToServer(sequence_num=1)
    assert to_frame(message) == b"\0" + message.SerializeToString()


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**64 - 1))
def test_what_is_framed_reads_back_the_same(uid: bytes, number: int) -> None:
    agent = AgentToServer(instance_uid=uid, sequence_num=number)
    server = ServerToAgent(instance_uid=uid, flags=number)
    assert agent_message_of_frame(to_frame(agent)) == agent
    assert server_message_of_frame(to_frame(server)) == server


def test_a_header_may_be_written_longer_than_it_need_be() -> None:
    assert agent_message_of_frame(b"\x80\x80\0") == AgentToServer()


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x01", id="another-header"),
        pytest.param(b"\x0a\x00", id="a-message-without-a-header"),
        pytest.param(b"\x80" * 11, id="a-varint-that-does-not-end"),
        pytest.param(b"\x81\x00", id="one-written-long"),
    ],
)
def test_another_header_than_0_is_refused(frame: bytes) -> None:
    with pytest.raises(InvalidInputError, match=r"^frame: .*varint 0"):
        agent_message_of_frame(frame)


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^message: 2 bytes that are no AgentToServer"):
        agent_message_of(b"\x0a\xff")
    with pytest.raises(InvalidInputError, match=r"^message: 2 bytes that are no ServerToAgent"):
        server_message_of(b"\x0a\xff")
