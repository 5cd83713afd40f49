"""How much one body may ask for, whoever sends it: decoder and JSON transcoder hold to it.

What a body may weigh stands in `receiver.ReceiverLimits`. These are about what weighs little on the wire and
much in memory or time. docs/otlp.md lists both, with what was measured.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """The yardstick is a scrape of 2,000 processes with every opt-in metric: 46,000 points.

    Nesting has a limit as well, 100 levels: protobuf's own, so no sender's library writes more.
    """

    max_points: int = 500_000
    """In one body. Ten such scrapes; a point costs 32 bytes of columns and may be 2 bytes of body, so without
    this limit 64 MiB become 1 GB."""
    max_new_values: int = 1_000_000
    """Values of attributes that the decoder has not met, in one body: where its time and memory go, 2.5 µs and
    80 bytes each. Such a scrape brings 110,000 when it is the first. Counted by decoders only, so the offset is
    one of the protobuf body, also if that was JSON."""
    max_values: int = 1_024
    """In one set of attributes: its values and those nested in them. OpenTelemetry SDKs stop at 128."""
    max_key_bytes: int = 4_096
    """Of one key, which people write; the longest of the semantic conventions have 60."""
    max_value_bytes: int = 8 * 1024 * 1024
    """Of one text or byte string. Command lines are the longest values there are, and Linux stops them at 6 MiB:
    one odd process must not cost a host its scrape."""
