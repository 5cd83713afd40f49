"""Hands every scrape to one variant, in order, the same bytes."""

import asyncio
from typing import Final

import httpx

from phoenix_platform.metering.meter import Meter
from phoenix_platform.metering.samples import Variant
from phoenix_platform.metering.scrapes import Scrape

MAX_WAITING_SCRAPES: Final = 8
"""A variant that is further behind loses the newest scrape, which then counts as unpaired."""

_WHOLE: Final = (b"", b"\x0a\x00")
"""An `ExportMetricsServiceResponse` without a partial success, or with an empty one."""


class Relay:
    """The bounded queue of one variant and the task that empties it."""

    def __init__(
        self, variant: Variant, url: str, meter: Meter, client: httpx.AsyncClient, *, timeout: float
    ) -> None:
        self._variant = variant
        self._url = url
        self._meter = meter
        self._client = client
        self._timeout_seconds = timeout
        self._queue: asyncio.Queue[tuple[Scrape, bytes]] = asyncio.Queue(MAX_WAITING_SCRAPES)
        self.lost_scrapes = 0
        """Scrapes that the variant was never offered because it was too far behind."""
        self.refused_scrapes = 0
        """Scrapes that it did not take whole."""
        self.last_refusal: str | None = None
        self.answers = 0
        """Scrapes that it answered, whatever it said."""
        self.turned_away_scrapes = 0
        """Scrapes that it answered and did not take whole."""
        self._is_sending = False

    @property
    def is_idle(self) -> bool:
        """Whether every scrape offered so far was answered."""
        return self._queue.empty() and not self._is_sending

    def offer(self, scrape: Scrape, body: bytes) -> None:
        """Queue a scrape, or count it as lost when the queue is full; never waits."""
        try:
            self._queue.put_nowait((scrape, body))
        except asyncio.QueueFull:
            self.lost_scrapes += 1

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            scrape, body = await self._queue.get()
            self._is_sending = True
            self._meter.begin_relay(self._variant, scrape)
            answers = self.answers
            reason = await self._send(body)
            self._meter.end_relay(self._variant, scrape, acknowledged=reason is None)
            self._is_sending = False
            if reason is not None:
                self.refused_scrapes += 1
                self.turned_away_scrapes += self.answers - answers
                self.last_refusal = reason

    async def _send(self, body: bytes) -> str | None:
        """Why the variant did not take the body whole; None if it did."""
        try:
            response = await self._client.post(
                self._url,
                content=body,
                headers={"content-type": "application/x-protobuf"},
                timeout=self._timeout_seconds,
            )
        except httpx.TimeoutException:
            return f"no answer within {self._timeout_seconds:g} s"
        except httpx.TransportError as error:
            return f"{type(error).__name__}: {error}"
        self.answers += 1
        if not response.is_success:
            return f"HTTP {response.status_code}"
        return None if response.content in _WHOLE else "only part of the points was taken"
