"""What can be wrong with an OTLP body; raised by the decoder, answered with 400 by the receiver."""

from phoenix_platform.core.errors import InvalidInputError


class MalformedBodyError(InvalidInputError):
    """The body is not an `ExportMetricsServiceRequest`; `facts["offset"]` is the byte, where known."""

    code = "malformed-body"
