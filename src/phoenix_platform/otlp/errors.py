"""What can be wrong with an OTLP request; raised by decoder and encodings, answered by the receiver."""

from phoenix_platform.core.errors import InvalidInputError


class MalformedBodyError(InvalidInputError):
    """The body is not what it claims to be; `facts["offset"]` is the byte, where known."""

    code = "malformed-body"


class BodyTooLargeError(InvalidInputError):
    """The body is larger than the receiver takes; `facts["limit"]` is the limit in bytes."""

    code = "body-too-large"
