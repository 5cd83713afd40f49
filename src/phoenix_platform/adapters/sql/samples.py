"""Samples: a row each, one effect each, in the order in which they came.

Positions are given under a lock on the experiment's row in `sample_positions`, so that they are committed in their
order: who has read up to a position has missed none before it. Counts are kept beside them, since reconcilers ask
for them every second.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import zstandard
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    case,
    select,
)

from phoenix_platform.adapters.sql.experiments import of_experiment
from phoenix_platform.adapters.sql.metadata import METADATA, id_column, tenant_column
from phoenix_platform.adapters.sql.scopes import Scope, insert_of
from phoenix_platform.application.ports import SampleCounts
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.domain.experiments import ExperimentId
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.metering.samples import Sample

samples_table: Final = Table(
    "samples",
    METADATA,
    tenant_column(),
    id_column("experiment_id"),
    id_column("host_id"),
    Column("variant", String(20), primary_key=True),
    Column("scrape", BigInteger(), primary_key=True, autoincrement=False),
    Column("position", BigInteger(), nullable=False),
    Column("content", LargeBinary(), nullable=False),
    UniqueConstraint("tenant_id", "experiment_id", "position"),
    of_experiment(),
)
sample_positions: Final = Table(
    "sample_positions",
    METADATA,
    tenant_column(),
    id_column("experiment_id"),
    Column("position", BigInteger(), nullable=False),
    of_experiment(),
)
sample_counts: Final = Table(
    "sample_counts",
    METADATA,
    tenant_column(),
    id_column("experiment_id"),
    id_column("host_id"),
    Column("samples", Integer(), nullable=False),
    Column("last_ended_unix_nano", BigInteger(), nullable=False),
    of_experiment(),
)
_FORMAT: Final = b"\x01"
"""First byte of `content`: a zstd frame of the sample as a MessagePack map by field. Measured per sample (2.3 KB as
a map): 16 µs and half the size for zstd level 1; building the objects again costs more than either."""
_MAX_BYTES: Final = 16 * 2**20
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Sample)


class SqlSamples:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def add(
        self, experiment_id: ExperimentId, host_id: HostId, samples: Sequence[Sample]
    ) -> int:
        if not samples:
            return 0
        last = await self._claim_positions(experiment_id, len(samples))
        new = await self._new_among(experiment_id, host_id, samples)
        if not new:
            return 0
        first = last - len(samples) + 1
        key = {
            "tenant_id": self._scope.tenant_id,
            "experiment_id": experiment_id,
            "host_id": host_id,
        }
        rows = [
            {
                **key,
                "variant": sample.variant.value,
                "scrape": sample.scrape,
                "position": first + number,
                "content": content,
            }
            for number, (sample, content) in enumerate(zip(new, _packed(new), strict=True))
        ]
        await self._scope.connection.execute(samples_table.insert(), rows)
        await self._count(key, len(new), max(sample.ended_unix_nano for sample in new))
        return len(new)

    async def after(
        self, experiment_id: ExperimentId, position: int, limit: int
    ) -> tuple[Sequence[Sample], int]:
        columns = samples_table.c
        statement = (
            select(columns.position, columns.content)
            .where(
                columns.tenant_id == self._scope.tenant_id,
                columns.experiment_id == experiment_id,
                columns.position > position,
            )
            .order_by(columns.position)
            .limit(limit)
        )
        rows = (await self._scope.connection.execute(statement)).all()
        return _unpacked(row.content for row in rows), rows[-1].position if rows else position

    async def counts(self, experiment_id: ExperimentId) -> dict[HostId, SampleCounts]:
        columns = sample_counts.c
        statement = select(columns.host_id, columns.samples, columns.last_ended_unix_nano).where(
            columns.tenant_id == self._scope.tenant_id, columns.experiment_id == experiment_id
        )
        return {
            HostId(row.host_id): SampleCounts(
                samples=row.samples, last_ended_unix_nano=row.last_ended_unix_nano
            )
            for row in await self._scope.connection.execute(statement)
        }

    async def _claim_positions(self, experiment_id: ExperimentId, count: int) -> int:
        """The last of `count` positions; whoever else writes samples of the experiment waits for this commit."""
        insert = insert_of(self._scope.connection)(sample_positions).values(
            tenant_id=self._scope.tenant_id, experiment_id=experiment_id, position=count
        )
        statement = insert.on_conflict_do_update(
            index_elements=["tenant_id", "experiment_id"],
            set_={"position": sample_positions.c.position + count},
        ).returning(sample_positions.c.position)
        last: int = (await self._scope.connection.execute(statement)).scalar_one()
        return last

    async def _new_among(
        self, experiment_id: ExperimentId, host_id: HostId, samples: Sequence[Sample]
    ) -> list[Sample]:
        columns, scrapes = samples_table.c, [sample.scrape for sample in samples]
        statement = select(columns.variant, columns.scrape).where(
            columns.tenant_id == self._scope.tenant_id,
            columns.experiment_id == experiment_id,
            columns.host_id == host_id,
            columns.scrape.between(min(scrapes), max(scrapes)),
        )
        found = await self._scope.connection.execute(statement)
        known = {(row.variant, row.scrape) for row in found}
        new: dict[tuple[str, int], Sample] = {}
        for sample in samples:
            key = (sample.variant.value, sample.scrape)
            if key not in known:
                new.setdefault(key, sample)
        return list(new.values())

    async def _count(self, key: dict[str, Any], count: int, last_ended_unix_nano: int) -> None:
        columns = sample_counts.c
        insert = insert_of(self._scope.connection)(sample_counts).values(
            **key, samples=count, last_ended_unix_nano=last_ended_unix_nano
        )
        later = case(
            (columns.last_ended_unix_nano < last_ended_unix_nano, last_ended_unix_nano),
            else_=columns.last_ended_unix_nano,
        )
        statement = insert.on_conflict_do_update(
            index_elements=list(key),
            set_={"samples": columns.samples + count, "last_ended_unix_nano": later},
        )
        await self._scope.connection.execute(statement)


def _packed(samples: Iterable[Sample]) -> list[bytes]:
    compressor = zstandard.ZstdCompressor(level=1)
    return [_FORMAT + compressor.compress(_encoder.encode(sample)) for sample in samples]


def _unpacked(contents: Iterable[bytes]) -> list[Sample]:
    decompressor = zstandard.ZstdDecompressor()
    found: list[Sample] = []
    for content in contents:
        if content[:1] != _FORMAT:
            raise UnavailableError(
                "samples: written by a newer version of Phoenix; use that version to read them"
            )
        found.append(_decoder.decode(decompressor.decompress(content[1:], _MAX_BYTES)))
    return found
