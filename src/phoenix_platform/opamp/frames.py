"""OpAMP's frames: a header, the varint 0, before each message on a WebSocket; none in plain HTTP.

Source: OpAMP specification, "WebSocket Message Format". Server and agent call it for each message.
"""

from typing import Final

from google.protobuf.message import DecodeError

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.opamp.opamp_pb2 import AgentToServer, ServerToAgent

MAX_MESSAGE_BYTES: Final = 64 * 1024**2
"""What the specification recommends to take at the most; beyond it, close 1009 or status 413."""

MEDIA_TYPE: Final = "application/x-protobuf"
_HEADER: Final = b"\0"
_MAX_VARINT_BYTES: Final = 10


def to_frame(message: AgentToServer | ServerToAgent) -> bytes:
    """The message as one binary WebSocket message."""
    return _HEADER + message.SerializeToString()


def agent_message_of_frame(frame: bytes) -> AgentToServer:
    """Read what an agent sent over a WebSocket.

    Raises:
        InvalidInputError: If the header is not 0, or no such message follows.
    """
    return agent_message_of(_payload_of(frame))


def server_message_of_frame(frame: bytes) -> ServerToAgent:
    """Read what a server sent over a WebSocket.

    Raises:
        InvalidInputError: If the header is not 0, or no such message follows.
    """
    return server_message_of(_payload_of(frame))


def agent_message_of(payload: bytes) -> AgentToServer:
    """Read an agent's message without a header.

    Raises:
        InvalidInputError: If it is none.
    """
    try:
        return AgentToServer.FromString(payload)
    except DecodeError as error:
        raise InvalidInputError(
            f"message: {len(payload)} bytes that are no AgentToServer; send OpAMP protobuf"
        ) from error


def server_message_of(payload: bytes) -> ServerToAgent:
    """Read a server's message without a header.

    Raises:
        InvalidInputError: If it is none.
    """
    try:
        return ServerToAgent.FromString(payload)
    except DecodeError as error:
        raise InvalidInputError(
            f"message: {len(payload)} bytes that are no ServerToAgent"
        ) from error


def _payload_of(frame: bytes) -> bytes:
    """What follows the header, which may be written longer than it need be."""
    for length, byte in enumerate(frame[:_MAX_VARINT_BYTES], start=1):
        if byte & 0x7F:
            break
        if byte == 0:
            return frame[length:]
    raise InvalidInputError(
        f"frame: starts with {frame[:1].hex() or 'nothing'}; a frame starts with the varint 0"
    )
