"""Which series a decoder has met: one row each, so that points carry a small number instead of a name.

The decoder adds rows and frees them; everybody else reads `ids`, `point_bytes` and `series(row)`. One
row stands for one id *and* one description (unit, kind, temporality, monotonic): a metric that comes
as a delta and as a cumulative sum has two rows with one id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.otlp.identity import (
    canonical_attributes,
    canonical_scope,
    hash_of_parts,
    utf8,
)
from phoenix_platform.otlp.series import Attributes, Kind, Series, Temporality
from phoenix_platform.otlp.stored_bytes import POINT_OVERHEAD_BYTES, attributes_bytes, scope_bytes

_FIRST_CAPACITY: Final = 1024


@dataclass(frozen=True, slots=True)
class Metric:
    """What a `Metric` message says about its points."""

    name: str
    unit: str
    kind: Kind
    temporality: Temporality
    monotonic: bool


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Block:
    """A set of attributes with what is worth computing once: equal sets share one block."""

    attributes: Attributes
    canonical: bytes
    stored_bytes: int


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Scope:
    name: str
    version: str
    attributes: Attributes
    canonical: bytes
    stored_bytes: int


_RowKey: TypeAlias = tuple[int, Metric]


class SeriesTable:
    """Rows of series; a freed row is given to a later series, the last freed first."""

    def __init__(self) -> None:
        self._ids = np.zeros(_FIRST_CAPACITY, dtype=np.uint64)
        self._point_bytes = np.zeros(_FIRST_CAPACITY, dtype=np.int64)
        self._series: list[Series | None] = []
        self._keys: list[_RowKey | None] = []
        self._row_of: dict[_RowKey, int] = {}
        self._free: list[int] = []
        self._blocks: WeakValueDictionary[bytes, Block] = WeakValueDictionary()

    def __len__(self) -> int:
        """How many rows there are, freed ones included: the size of an array with one entry per row."""
        return len(self._series)

    @property
    def ids(self) -> NDArray[np.uint64]:
        """By row; 0 in freed rows. Read it afresh after each `decode`: the table grows."""
        return self._ids[: len(self)]

    @property
    def point_bytes(self) -> NDArray[np.int64]:
        """By row: estimated stored bytes of one point; 0 in freed rows."""
        return self._point_bytes[: len(self)]

    def series(self, row: int) -> Series:
        """The series of `row`; series of one resource share the same `resource` object.

        Raises:
            NotFoundError: If the row is free or was never used.
        """
        series = self._series[row] if 0 <= row < len(self) else None
        if series is None:
            raise NotFoundError(
                f"row: no series in row {row} of {len(self)}; it was forgotten or never seen"
            )
        return series

    def block(self, attributes: Attributes) -> Block:
        """For decoders: the block of `attributes`, the same object for equal attributes."""
        canonical = canonical_attributes(attributes)
        block = self._blocks.get(canonical)
        if block is None:
            block = Block(attributes, canonical, attributes_bytes(attributes))
            self._blocks[canonical] = block
        return block

    @staticmethod
    def scope(name: str, version: str, attributes: Attributes) -> Scope:
        """For decoders: a scope with its canonical form."""
        canonical = canonical_scope(name, version, attributes)
        return Scope(name, version, attributes, canonical, scope_bytes(name, version, attributes))

    def add(
        self, metric: Metric, resource: Block, scope: Scope, attributes: Block
    ) -> tuple[int, bool]:
        """For decoders: the row of a series, and whether it is a new one."""
        identity = hash_of_parts(
            metric.name, resource.canonical, scope.canonical, attributes.canonical
        )
        key = (identity, metric)
        known = self._row_of.get(key)
        if known is not None:
            return known, False
        row = self._take_row()
        self._row_of[key] = row
        self._keys[row] = key
        self._ids[row] = identity
        described = resource.stored_bytes + scope.stored_bytes + attributes.stored_bytes
        self._point_bytes[row] = POINT_OVERHEAD_BYTES + len(utf8(metric.name)) + described
        self._series[row] = Series(
            metric=metric.name,
            unit=metric.unit,
            kind=metric.kind,
            temporality=metric.temporality,
            monotonic=metric.monotonic,
            resource=resource.attributes,
            scope_name=scope.name,
            scope_version=scope.version,
            scope_attributes=scope.attributes,
            attributes=attributes.attributes,
        )
        return row, True

    def check_in_use(self, rows: Sequence[int]) -> None:
        """For decoders, before they free anything.

        Raises:
            InvalidInputError: If one of `rows` is free or was never used.
        """
        for row in rows:
            if not 0 <= row < len(self) or self._series[row] is None:
                raise InvalidInputError(f"rows: row {row} has no series; pass rows in use only")

    def free(self, rows: Sequence[int]) -> None:
        """For decoders: let later series have `rows`, which are in use and distinct."""
        for row in rows:
            key = self._keys[row]
            assert key is not None
            del self._row_of[key]
            self._keys[row] = self._series[row] = None
            self._ids[row] = self._point_bytes[row] = 0
            self._free.append(row)

    def take_back(self, rows: Sequence[int]) -> None:
        """For decoders: undo the `add`s of a body that failed; `rows` are its new rows in order."""
        self.free(rows[::-1])

    def _take_row(self) -> int:
        if self._free:
            return self._free.pop()
        row = len(self)
        if row == len(self._ids):
            self._ids = np.concatenate((self._ids, np.zeros_like(self._ids)))
            self._point_bytes = np.concatenate(
                (self._point_bytes, np.zeros_like(self._point_bytes))
            )
        self._series.append(None)
        self._keys.append(None)
        return row
