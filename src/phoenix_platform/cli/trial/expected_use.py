"""What a trial will use of the host, said before it starts."""

from datetime import timedelta
from typing import Final

from phoenix_platform.core.units import show_bytes

_SCRAPE_SECONDS_PER_PROCESS: Final = 0.19e-3
"""CPU of the process scraper per process and scrape, measured with 500 processes at 1 s."""
_VARIANT_SECONDS_PER_PROCESS: Final = 7 * 6.3e-6
"""CPU of one variant per process and scrape: 7 points at 22 ms per 3,500 points, the cost measured
for the stock aggregation chain; a plain pipeline uses a fifth of it."""
_COLLECTORS_BYTES: Final = 3 * 48 * 2**20
"""Three collectors of 43 to 48 MB each with 500 processes, measured."""


def expected_cost(processes: int, interval: timedelta) -> str:
    """One sentence, from figures measured on another machine."""
    per_scrape = processes * (_SCRAPE_SECONDS_PER_PROCESS + 2 * _VARIANT_SECONDS_PER_PROCESS)
    share = per_scrape / interval.total_seconds()
    return (
        f"expected cost while it runs: about {100 * share:.1f} % of one core for three collectors and "
        f"{show_bytes(_COLLECTORS_BYTES)} of memory (from measurements on another machine; "
        "the verdict says what it was here)"
    )
