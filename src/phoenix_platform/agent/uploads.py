"""Posts what is spooled, oldest first, and acknowledges it when the control plane has it.

Works for days without one: it tries again, a minute apart at the most, and the spool waits. What is
refused for good (the experiment is unknown there) is counted and let go, so that it blocks nothing.
"""

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

import httpx
import msgspec

from phoenix_platform.agent.backoffs import Backoff
from phoenix_platform.agent.sample_batches import SampleBatch, from_payload, joined
from phoenix_platform.agent.spool import Entry, Spool
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import InvalidInputError

PATH: Final = "/api/v1/agent/samples"
_POST_SECONDS: Final = 60.0
_MOST_BYTES: Final = 256 * 2**10
"""Of compressed records in one post, about 2 MiB of JSON."""
_GATHER_SECONDS: Final = 1.0
"""So long samples are gathered before they are posted: a screen follows them live."""
_SYNC_SECONDS: Final = 5.0
_REFUSED: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})
"""Trying again would not help."""
_NOT_UNDERSTOOD: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_UNDERSTOOD_TRIES: Final = 20
"""A control plane that is being updated may not understand for a while: about a quarter of an hour."""
_CREDENTIAL: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_CREDENTIAL_SECONDS: Final = 60.0


class _Accepted(msgspec.Struct, frozen=True):
    experiment_id: str
    through_sequence: int


class _Answer(msgspec.Struct, frozen=True):
    accepted: tuple[_Accepted, ...]


@dataclass(slots=True)
class UploadFacts:
    """How it goes; for status and report."""

    posted_samples: int = 0
    """Since the start of the agent."""
    last_success: datetime | None = None
    last_failure: str | None = None
    """What the last post failed of; None when it did not."""


class Uploader:
    """One for all experiments of the host."""

    def __init__(
        self,
        spool: Spool,
        client: httpx.AsyncClient,
        *,
        clock: Clock,
        backoff: Backoff,
        gather_seconds: float = _GATHER_SECONDS,
    ) -> None:
        """`client` has the control plane as its base URL and the credential in its headers."""
        self.facts = UploadFacts()
        self._spool = spool
        self._client = client
        self._clock = clock
        self._backoff = backoff
        self._gather_seconds = gather_seconds
        self._more = asyncio.Event()
        self._most_bytes = _MOST_BYTES
        self._misunderstood = 0
        """Posts in a row that were answered so."""
        if spool.waiting_bytes:
            self._more.set()

    def wake(self) -> None:
        """There is more to post."""
        self._more.set()

    async def run(self) -> None:
        """Post until cancelled."""
        while True:
            await self._more.wait()
            await asyncio.sleep(self._gather_seconds)
            self._more.clear()
            while entries := self._spool.read(max_bytes=self._most_bytes):
                wait = await self._post_oldest(entries)
                if wait is not None:
                    await asyncio.sleep(wait)

    async def sync(self) -> None:
        """Have what is spooled on the disk every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(_SYNC_SECONDS)
            await asyncio.to_thread(self._spool.sync)

    async def _post_oldest(self, entries: Sequence[Entry]) -> float | None:
        """Post what belongs to the experiment of the oldest; seconds to wait if it failed."""
        batches: list[SampleBatch] = []
        sent: list[Entry] = []
        for entry in entries:
            try:
                batch = from_payload(entry.payload)
            except InvalidInputError:
                if not sent:
                    self._spool.acknowledge(entry, refused=True)
                    return None
                break
            if batches and batch.experiment_id != batches[0].experiment_id:
                break
            batches.append(batch)
            sent.append(entry)
        return await self._post(joined(batches), sent)

    async def _post(self, batches: Sequence[SampleBatch], sent: Sequence[Entry]) -> float | None:
        body = gzip.compress(msgspec.json.encode({"batches": batches}), compresslevel=6)
        try:
            response = await self._client.post(
                PATH,
                content=body,
                headers={"content-type": "application/json", "content-encoding": "gzip"},
                timeout=_POST_SECONDS,
            )
        except httpx.HTTPError as error:
            return self._failed(f"{type(error).__name__}: {error}")
        status = response.status_code
        self._misunderstood = self._misunderstood + 1 if status in _NOT_UNDERSTOOD else 0
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(sent) > 1:
            self._most_bytes = max(1, sum(len(entry.payload) for entry in sent) // 2)
            return None
        if status in _NOT_UNDERSTOOD and self._misunderstood < _UNDERSTOOD_TRIES:
            return self._failed(f"{status}: {_words_of(response)}")
        if status in {*_REFUSED, *_NOT_UNDERSTOOD, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}:
            self._misunderstood = 0
            self.facts.last_failure = f"{status}: {_words_of(response)}"
            self._spool.acknowledge(sent[-1], refused=True)
            return None
        if status in _CREDENTIAL:
            words = f"{status}: the control plane does not accept this agent's credential"
            return self._failed(words, at_least=_CREDENTIAL_SECONDS)
        if not response.is_success:
            return self._failed(f"{status}", at_least=_retry_after(response))
        return self._done(response, batches, sent)

    def _done(
        self, response: httpx.Response, batches: Sequence[SampleBatch], sent: Sequence[Entry]
    ) -> float | None:
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            return self._failed(f"an answer that is none: {error}")
        through = max((one.through_sequence for one in answer.accepted), default=0)
        if through < batches[-1].through_sequence:
            return self._failed(
                f"accepted through {through}, not {batches[-1].through_sequence}: it will be sent again"
            )
        self._spool.acknowledge(sent[-1])
        self._backoff.reset()
        self.facts.posted_samples += sum(entry.samples for entry in sent)
        self.facts.last_success = self._clock.now()
        self.facts.last_failure = None
        return None

    def _failed(self, words: str, *, at_least: float = 0.0) -> float:
        self.facts.last_failure = words
        return self._backoff.next_seconds(at_least=at_least)


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return min(float(text), 3600.0) if text.isdecimal() else 0.0


def _words_of(response: httpx.Response) -> str:
    """The detail of its problem document, or nothing."""
    try:
        problem = msgspec.json.decode(response.content, type=dict[str, object])
    except (msgspec.ValidationError, msgspec.DecodeError):
        return ""
    return str(problem.get("detail") or problem.get("title") or "")
