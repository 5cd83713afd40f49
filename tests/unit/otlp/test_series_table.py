import gc

import pytest

from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.otlp.identity import id_of
from phoenix_platform.otlp.series import Kind, Temporality
from phoenix_platform.otlp.series_table import Metric, SeriesTable
from phoenix_platform.otlp.stored_bytes import point_bytes

SCOPE = SeriesTable.scope("scope", "1", {"k": "v"})


def a_metric(name: str = "m", unit: str = "s") -> Metric:
    return Metric(name, unit, Kind.SUM, Temporality.DELTA, monotonic=True)


def add(table: SeriesTable, pid: int, metric: Metric | None = None) -> tuple[int, bool]:
    resource, attributes = table.block({"pid": pid}), table.block({"state": "user"})
    return table.add(metric or a_metric(), resource, SCOPE, attributes)


def test_a_series_gets_a_row_once() -> None:
    table = SeriesTable()
    assert [add(table, 1), add(table, 2), add(table, 1)] == [(0, True), (1, True), (0, False)]
    assert len(table) == 2


def test_a_row_says_what_its_series_is() -> None:
    table = SeriesTable()
    add(table, 1)
    series = table.series(0)
    assert (series.metric, series.unit, series.kind) == ("m", "s", Kind.SUM)
    assert (series.temporality, series.monotonic) == (Temporality.DELTA, True)
    assert (series.scope_name, series.scope_version, series.scope_attributes) == (
        "scope",
        "1",
        {"k": "v"},
    )
    assert (series.resource, series.attributes) == ({"pid": 1}, {"state": "user"})
    assert table.ids.tolist() == [id_of(series)]
    assert table.point_bytes.tolist() == [point_bytes(series)]


def test_two_descriptions_of_one_series_have_two_rows_and_one_id() -> None:
    table = SeriesTable()
    assert (add(table, 1, a_metric(unit="s")), add(table, 1, a_metric(unit="ms"))) == (
        (0, True),
        (1, True),
    )
    assert table.ids[0] == table.ids[1]


def test_equal_attributes_share_one_object_while_somebody_holds_it() -> None:
    table = SeriesTable()
    block = table.block({"a": 1, "b": 2})
    assert table.block({"b": 2, "a": 1}) is block
    assert len(table._blocks) == 1
    del block
    gc.collect()
    assert len(table._blocks) == 0


def test_the_table_grows_beyond_its_first_capacity() -> None:
    table = SeriesTable()
    rows = [add(table, pid)[0] for pid in range(3_000)]
    assert rows == list(range(3_000))
    assert table.ids[2_999] == id_of(table.series(2_999))
    assert table.point_bytes[0] == point_bytes(table.series(0))


def test_a_freed_row_is_empty_until_another_series_takes_it() -> None:
    table = SeriesTable()
    add(table, 1)
    add(table, 2)
    table.free([0])
    assert (table.ids[0], table.point_bytes[0], len(table)) == (0, 0, 2)
    with pytest.raises(NotFoundError, match=r"^row: no series in row 0 of 2"):
        table.series(0)
    assert add(table, 3) == (0, True)
    assert add(table, 1) == (2, True)


@pytest.mark.parametrize("row", [-1, 1])
def test_a_row_that_never_was_has_no_series(row: int) -> None:
    table = SeriesTable()
    add(table, 1)
    with pytest.raises(NotFoundError, match=f"^row: no series in row {row} of 1"):
        table.series(row)


@pytest.mark.parametrize("row", [-1, 0, 2])
def test_only_rows_in_use_may_be_freed(row: int) -> None:
    table = SeriesTable()
    add(table, 1)
    add(table, 2)
    table.free([0])
    with pytest.raises(InvalidInputError, match=f"^rows: row {row} has no series"):
        table.check_in_use([1, row])


def test_rows_taken_back_are_given_out_again_in_the_same_order() -> None:
    table = SeriesTable()
    for pid in range(4):
        add(table, pid)
    table.free([2])
    added = [add(table, pid)[0] for pid in (10, 11, 12)]
    table.take_back(added)
    assert [add(table, pid)[0] for pid in (10, 11, 12)] == added == [2, 4, 5]
