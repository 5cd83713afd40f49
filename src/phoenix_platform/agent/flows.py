"""Whether data really flow through a collector, from its own metrics: what came in, what went out."""

import re
from dataclasses import dataclass
from typing import Final

import httpx

_LINE: Final = re.compile(
    r"^otelcol_(?P<what>receiver_accepted|exporter_sent|exporter_send_failed)_"
    r"(?:metric_points|log_records|spans)(?:_total)?(?:\{[^\n]*\})? (?P<value>\S+)",
    re.MULTILINE,
)
_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Flow:
    """Items of every signal since the collector's start."""

    accepted: float
    """By its receivers."""
    sent: float
    """By its exporters, and taken by the other side."""
    failed: float
    """That its exporters gave up."""


async def read_flow(client: httpx.AsyncClient, port: int) -> Flow | None:
    """Ask the collector; None when it does not answer."""
    try:
        response = await client.get(f"http://127.0.0.1:{port}/metrics", timeout=_SECONDS)
        response.raise_for_status()
    except httpx.HTTPError:
        return None
    return flow_of(response.text)


def flow_of(exposition: str) -> Flow:
    """Read the Prometheus text of a collector; a counter that it does not show yet is 0."""
    sums = {"receiver_accepted": 0.0, "exporter_sent": 0.0, "exporter_send_failed": 0.0}
    for match in _LINE.finditer(exposition):
        sums[match["what"]] += float(match["value"])
    return Flow(sums["receiver_accepted"], sums["exporter_sent"], sums["exporter_send_failed"])
