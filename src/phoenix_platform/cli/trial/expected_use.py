"""What a trial will use of the host, said before it starts."""

from datetime import timedelta

from phoenix_platform.core.units import show_bytes
from phoenix_platform.pipelines.expected_use import COLLECTORS_BYTES, expected_cores


def expected_cost(processes: int, interval: timedelta) -> str:
    """One sentence, from figures measured on another machine."""
    return (
        f"expected cost while it runs: about {100 * expected_cores(processes, interval):.1f} % of one core for "
        f"three collectors and {show_bytes(COLLECTORS_BYTES)} of memory (from measurements on another machine; "
        "the verdict says what it was here)"
    )
