"""What the three collectors of a trial or an experiment will use of a host, said before they start.

From figures measured once, on another machine; the verdict says what it was there.
"""

from datetime import timedelta
from typing import Final

_SCRAPE_SECONDS_PER_PROCESS: Final = 0.19e-3
"""CPU of the process scraper per process and scrape, measured with 500 processes at 1 s."""
_VARIANT_SECONDS_PER_PROCESS: Final = 7 * 6.3e-6
"""CPU of one variant per process and scrape: 7 points at 22 ms per 3,500 points, the cost measured
for the stock aggregation chain; a plain pipeline uses a fifth of it."""
COLLECTORS_BYTES: Final = 3 * 48 * 2**20
"""Three collectors of 43 to 48 MB each with 500 processes, measured."""


def expected_cores(processes: int, interval: timedelta) -> float:
    """CPU of all three, in cores."""
    per_scrape = processes * (_SCRAPE_SECONDS_PER_PROCESS + 2 * _VARIANT_SECONDS_PER_PROCESS)
    return per_scrape / interval.total_seconds()
