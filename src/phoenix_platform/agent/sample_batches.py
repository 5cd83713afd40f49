"""Samples as they lie in the spool and as they are posted; `experiments` writes them, `uploads` joins them."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.sample_columns import columns_of, samples_of
from phoenix_platform.metering.samples import Sample


class SampleBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Samples of one run with consecutive numbers."""

    experiment_id: str
    run_id: str
    first_sequence: int
    """Number of the first sample, counted from 1 over the experiment on this host."""
    columns: dict[str, Any]
    """As `metering.sample_columns` writes them."""

    @property
    def through_sequence(self) -> int:
        return self.first_sequence + len(self.columns["scrape"]) - 1


def batch_of(
    samples: Sequence[Sample], *, experiment_id: str, run_id: str, first_sequence: int
) -> SampleBatch:
    return SampleBatch(
        experiment_id=experiment_id,
        run_id=run_id,
        first_sequence=first_sequence,
        columns=columns_of(samples),
    )


def to_payload(batch: SampleBatch) -> bytes:
    return zlib.compress(msgspec.json.encode(batch))


def from_payload(payload: bytes) -> SampleBatch:
    """Read what `to_payload` wrote.

    Raises:
        InvalidInputError: If it is something else: of another version of the agent.
    """
    try:
        return msgspec.json.decode(zlib.decompress(payload), type=SampleBatch)
    except (zlib.error, msgspec.DecodeError) as error:
        raise InvalidInputError(f"spool: not samples: {error}") from error


def joined(batches: Iterable[SampleBatch]) -> list[SampleBatch]:
    """The same samples in as few batches as possible, their order kept."""
    groups: list[list[SampleBatch]] = []
    for batch in batches:
        if groups and _follows(groups[-1][-1], batch):
            groups[-1].append(batch)
        else:
            groups.append([batch])
    return [_merged(group) for group in groups]


def _follows(before: SampleBatch, batch: SampleBatch) -> bool:
    return (
        before.run_id == batch.run_id
        and before.experiment_id == batch.experiment_id
        and before.through_sequence + 1 == batch.first_sequence
    )


def _merged(group: Sequence[SampleBatch]) -> SampleBatch:
    if len(group) == 1:
        return group[0]
    samples = [sample for batch in group for sample in samples_of(batch.columns)]
    return msgspec.structs.replace(group[0], columns=columns_of(samples))
