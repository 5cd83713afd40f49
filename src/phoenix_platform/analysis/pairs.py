"""Samples in the order of their intervals, baseline beside candidate.

`verdicts` walks what this yields. An interval is handed out once nothing more can come to it, so
that it makes no difference in which order the samples of the variants and hosts arrived.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.samples import Sample, Variant

_IN_FLIGHT: Final = 3
"""Intervals that may be under way when a run ends: the grace of two, and the one that is measured."""


@dataclass(slots=True)
class Pair:
    """What the two variants did with the same scrapes of one host."""

    host: str
    scrape: int
    baseline: Sample | None = None
    candidate: Sample | None = None

    @property
    def is_held_up(self) -> bool:
        """Whether neither variant let anything out.

        Then the host or the meter held both up: what is missing is no evidence against the candidate.
        """
        samples = (self.baseline, self.candidate)
        return not any(one.output_points for one in samples if one is not None)

    def matched(self) -> tuple[Sample, Sample] | None:
        """Baseline and candidate if they may be compared.

        That is: both saw all of the same scrapes, and something came out of one of them at least.
        """
        baseline, candidate = self.baseline, self.candidate
        if baseline is None or candidate is None or baseline.scrapes != candidate.scrapes:
            return None
        if self.is_held_up:
            return None
        return (baseline, candidate) if baseline.acknowledged and candidate.acknowledged else None


class Timeline:
    """The intervals of a fixed set of hosts: those under way, and those complete but not handed out.

    One host's intervals are its scrapes; those of several hosts meet in t = floor(end of the scrape
    / interval), in UTC. A host that left is not waited for, and what it sends afterwards is let go.
    """

    def __init__(
        self,
        hosts: frozenset[str],
        interval: timedelta,
        left: Mapping[str, int] | None = None,
    ) -> None:
        self._hosts = hosts
        self._left = left or {}
        self._interval_nano = round(interval.total_seconds() * 1e9)
        self._newest: dict[tuple[str, Variant], int] = {}
        self._waiting: dict[int, dict[tuple[str, int], Pair]] = {}
        self._done_until = -1

    def has_room_for(self, sample: Sample) -> bool:
        """Whether the sample comes behind what was handed out; if not, begin a new timeline."""
        return sample.host in self._hosts and self._key(sample) > self._done_until

    def add(self, sample: Sample) -> None:
        """Take in a sample that there is room for.

        Raises:
            InvalidInputError: If it is the second of its host, variant and scrape.
        """
        left_at = self._left.get(sample.host)
        if left_at is not None and sample.ended_unix_nano > left_at:
            return
        key, name = self._key(sample), (sample.host, sample.scrape)
        pair = self._waiting.setdefault(key, {}).setdefault(name, Pair(*name))
        is_baseline = sample.variant is Variant.BASELINE
        if (pair.baseline if is_baseline else pair.candidate) is not None:
            raise InvalidInputError(
                f"samples: two of host {sample.host}, {sample.variant}, scrape {sample.scrape}; "
                "give each once"
            )
        if is_baseline:
            pair.baseline = sample
        else:
            pair.candidate = sample
        stream = (sample.host, sample.variant)
        self._newest[stream] = max(key, self._newest.get(stream, key))

    def hand_out(self, *, at_end: bool) -> Iterator[list[Pair]]:
        """The intervals that both variants of every host have passed, oldest first.

        At the end also the others: what is missing then will not come. Only of the last few
        intervals it may still be on its way, and there a sample without its partner is left out.
        """
        horizon, keys = self._horizon(), sorted(self._waiting)
        in_flight = set(keys[-_IN_FLIGHT:])
        for key in keys:
            if not at_end and key > horizon:
                return
            self._done_until = key
            pairs = [pair for _, pair in sorted(self._waiting.pop(key).items(), key=itemgetter(0))]
            if key > horizon and key in in_flight:
                pairs = [pair for pair in pairs if pair.baseline and pair.candidate]
            if pairs:
                yield pairs

    def _horizon(self) -> int:
        """The last key to which nothing more can come."""
        awaited = [(host, one) for host in self._hosts - self._left.keys() for one in Variant]
        if awaited:
            newest = min(self._newest.get(stream, -1) for stream in awaited)
        else:
            newest = max(self._newest.values(), default=-1)
        # Two scrapes of one host may meet in one t, so the newest t may still grow.
        return newest - 1 if len(self._hosts) > 1 else newest

    def _key(self, sample: Sample) -> int:
        is_alone = len(self._hosts) == 1
        return sample.scrape if is_alone else sample.ended_unix_nano // self._interval_nano
