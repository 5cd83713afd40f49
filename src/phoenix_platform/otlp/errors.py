"""What can be wrong with an OTLP request; raised by decoder and encodings, answered by the receiver."""

from phoenix_platform.core.errors import InvalidInputError


class MalformedBodyError(InvalidInputError):
    """The body is not what it claims to be, or intricate beyond the limits; `facts["offset"]` is the byte, where known."""

    code = "malformed-body"


class BodyTooLargeError(InvalidInputError):
    """The body has more bytes or points than are taken at once; `facts["limit"]` is how many are."""

    code = "body-too-large"
