import sys

import numpy as np
import pytest
from tests.oracle.bodies import (
    attribute,
    body,
    double_field,
    field,
    fixed64_field,
    gauge,
    number_field,
)

from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError
from phoenix_platform.otlp.columns import NO_RECORDED_VALUE
from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.otlp.errors import MalformedBodyError
from phoenix_platform.otlp.identity import id_of
from phoenix_platform.otlp.series import Kind, Series, Temporality

NOTHING_HELD = (0, 0, 0, 0, 0)
A, B = attribute(7, "a", "1"), attribute(7, "b", "2")
PID = attribute(1, "process.pid", "9")
OWNER = attribute(1, "process.owner", "root")


def a_point(value: float, *attributes: bytes) -> bytes:
    return fixed64_field(2, 5) + fixed64_field(3, 7) + double_field(4, value) + b"".join(attributes)


def rows(*numbers: int) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
    return np.array(numbers, dtype=np.uint32)


def test_a_body_becomes_columns_and_a_row_per_series() -> None:
    decoder = Decoder()
    sent = (
        field(1, b"m")
        + field(3, b"s")
        + field(
            7,
            field(1, a_point(1.5, A), number_field(8, NO_RECORDED_VALUE)),
            field(1, a_point(2.5, B)),
            number_field(2, 2),
            number_field(3, 1),
        )
    )
    columns = decoder.decode(
        body(sent, resource=PID, scope=field(1, b"scraper") + field(2, b"1.0"))
    )
    assert columns.rows.tolist() == columns.fresh.tolist() == [0, 1]
    assert columns.time_unix_nano.tolist() == [7, 7]
    assert columns.start_time_unix_nano.tolist() == [5, 5]
    assert columns.value.tolist() == [1.5, 2.5]
    assert columns.flags.tolist() == [NO_RECORDED_VALUE, 0]
    assert decoder.table.series(0) == Series(
        metric="m",
        unit="s",
        kind=Kind.SUM,
        temporality=Temporality.CUMULATIVE,
        monotonic=True,
        resource={"process.pid": "9"},
        scope_name="scraper",
        scope_version="1.0",
        scope_attributes={},
        attributes={"a": "1"},
    )
    assert decoder.table.ids[0] == id_of(decoder.table.series(0))


def test_known_series_are_not_fresh() -> None:
    decoder = Decoder()
    decoder.decode(body(gauge("m", a_point(1, A))))
    again = decoder.decode(body(gauge("m", a_point(2, A), a_point(3, B))))
    assert (again.rows.tolist(), again.fresh.tolist()) == ([0, 1], [1])


def test_a_body_without_points_has_empty_columns() -> None:
    columns = Decoder().decode(body(resource=PID))
    assert (len(columns), columns.fresh.tolist(), columns.body_bytes) == (
        0,
        [],
        len(body(resource=PID)),
    )


def test_the_order_of_attributes_makes_no_other_series() -> None:
    decoder = Decoder()
    decoder.decode(body(gauge("m", a_point(1, A, B)), resource=PID + OWNER))
    columns = decoder.decode(body(gauge("m", a_point(1, B, A)), resource=OWNER + PID))
    assert (columns.rows.tolist(), columns.fresh.tolist()) == ([0], [])


def test_series_of_one_resource_share_it_however_it_is_spelled() -> None:
    decoder = Decoder()
    decoder.decode(body(gauge("m", a_point(1)), resource=PID + OWNER))
    decoder.decode(body(gauge("n", a_point(1)), resource=OWNER + PID))
    assert decoder.table.series(0).resource is decoder.table.series(1).resource


def test_text_that_is_not_utf_8_is_kept() -> None:
    decoder = Decoder()
    pair = field(7, field(1, b"k\xff"), field(2, field(1, b"\xc3")))
    decoder.decode(body(field(1, b"m\xfe") + field(5, field(1, a_point(1, pair)))))
    series = decoder.table.series(0)
    assert series.metric.encode("utf-8", "surrogateescape") == b"m\xfe"
    assert series.attributes == {"k\udcff": "\udcc3"}


def test_an_integer_and_a_double_are_values_of_one_series() -> None:
    columns = Decoder().decode(
        body(gauge("m", fixed64_field(6, -3) + A, double_field(4, 0.5) + A, A))
    )
    assert columns.rows.tolist() == [0, 0, 0]
    assert str(columns.value.tolist()) == "[-3.0, 0.5, nan]"


def test_no_recorded_value_is_a_flag_and_no_number() -> None:
    columns = Decoder().decode(body(gauge("m", number_field(8, NO_RECORDED_VALUE) + A)))
    assert columns.flags.tolist() == [NO_RECORDED_VALUE]
    assert str(columns.value.tolist()) == "[nan]"


def test_true_1_one_point_zero_and_the_text_1_are_four_series() -> None:
    values = (number_field(2, 1), number_field(3, 1), double_field(4, 1.0), field(1, b"1"))
    points = (field(7, field(1, b"k"), field(2, value)) for value in values)
    decoder = Decoder()
    assert decoder.decode(body(gauge("m", *points))).rows.tolist() == [0, 1, 2, 3]
    assert len(set(decoder.table.ids.tolist())) == 4


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="body"),
        pytest.param(field(1), id="resource-metrics"),
        pytest.param(field(1, field(1)), id="resource"),
        pytest.param(field(1, field(2)), id="scope-metrics"),
        pytest.param(body(b""), id="metric"),
        pytest.param(body(field(5)), id="gauge"),
        pytest.param(body(field(7)), id="sum"),
    ],
)
def test_what_is_empty_has_no_points(sent: bytes) -> None:
    assert len(Decoder().decode(sent)) == 0


def test_points_come_in_another_order_and_find_their_rows() -> None:
    decoder = Decoder()
    points = [a_point(value, attribute(7, "n", str(value))) for value in range(100)]
    decoder.decode(body(gauge("m", *points)))
    backwards = decoder.decode(body(gauge("m", *reversed(points))))
    assert backwards.rows.tolist() == list(reversed(range(100)))
    forwards = decoder.decode(body(gauge("m", *points), gauge("n", *points)))
    assert forwards.rows.tolist() == list(range(200))


def test_many_series_come_and_go_and_nothing_stays() -> None:
    decoder = Decoder()
    named = [str(number) for number in range(4_000)]
    for start in range(0, 3_000, 500):
        names = named[start : start + 1_000]
        columns = decoder.decode(
            body(gauge("m", *(a_point(1, attribute(7, "n", name)) for name in names)))
        )
        met = [decoder.table.series(row).attributes["n"] for row in columns.rows.tolist()]
        assert met == names
        decoder.forget(columns.rows[:500])
    decoder.forget(np.flatnonzero(decoder.table.point_bytes).astype(np.uint32))
    assert decoder._kernel.sizes() == NOTHING_HELD
    assert len(decoder.table) == 1_000


def test_forgetting_frees_every_spelling_and_what_only_it_used() -> None:
    decoder = Decoder()
    decoder.decode(
        body(gauge("m", a_point(1, A, B), a_point(1, B, A), a_point(1, A)), resource=PID)
    )
    assert decoder._kernel.sizes() == (1, 1, 1, 3, 3)
    decoder.forget(rows(0, 0))
    assert decoder._kernel.sizes() == (1, 1, 1, 1, 1)
    with pytest.raises(NotFoundError, match="no series in row 0"):
        decoder.table.series(0)
    decoder.forget(rows(1))
    assert decoder._kernel.sizes() == NOTHING_HELD


def test_a_freed_row_goes_to_a_new_series_which_is_fresh() -> None:
    decoder = Decoder()
    decoder.decode(body(gauge("m", a_point(1, A), a_point(1, B))))
    decoder.forget(rows(0))
    columns = decoder.decode(body(gauge("m", a_point(1, B)), gauge("n", a_point(1, A))))
    assert (columns.rows.tolist(), columns.fresh.tolist()) == ([1, 0], [0])
    assert decoder.table.series(0).metric == "n"


def test_rows_without_a_series_cannot_be_forgotten_and_then_none_is() -> None:
    decoder = Decoder()
    decoder.decode(body(gauge("m", a_point(1, A))))
    with pytest.raises(InvalidInputError, match=r"^rows: row 1 has no series"):
        decoder.forget(rows(0, 1))
    assert decoder.table.series(0).metric == "m"


def test_a_refused_body_leaves_the_table_as_it_was() -> None:
    decoder = Decoder()
    sound = body(gauge("m", a_point(1, A)))
    decoder.decode(sound)
    held = decoder._kernel.sizes()
    with pytest.raises(MalformedBodyError):
        decoder.decode(body(gauge("n", a_point(1, A), a_point(1, B)), resource=PID) + b"\x0a\x7f")
    assert decoder._kernel.sizes() == held
    columns = decoder.decode(body(gauge("n", a_point(1, A))) + sound)
    assert (columns.rows.tolist(), columns.fresh.tolist()) == ([1, 0], [1])


def test_an_error_while_a_series_is_met_leaves_the_table_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoder = Decoder()

    def without_memory(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(decoder.table, "add", without_memory)
        with pytest.raises(MemoryError):
            decoder.decode(body(gauge("m", a_point(1, A))))
    assert decoder.decode(body(gauge("m", a_point(1, A)))).fresh.tolist() == [0]


@pytest.mark.parametrize(
    ("sent", "offset", "reason"),
    [
        pytest.param(b"\x0a\x05ab", 1, "a length reaches beyond its message", id="length"),
        pytest.param(b"\x12\x00\x00", 2, "not a field tag", id="tag"),
        pytest.param(b"\x08" + b"\xff" * 11, 1, "a number is longer than 10 bytes", id="number"),
        pytest.param(body(gauge("m", b"\x19abc")), 18, "a 64-bit number is cut off", id="time"),
        pytest.param(body(gauge("m", field(7, b"\x0a\x09k"))), 20, "a length reaches", id="key"),
    ],
)
def test_the_error_says_what_is_wrong_and_where(sent: bytes, offset: int, reason: str) -> None:
    with pytest.raises(
        MalformedBodyError, match=f"{reason}.* at byte {offset} of {len(sent)}"
    ) as caught:
        Decoder().decode(sent)
    assert caught.value.facts["offset"] == offset


def test_an_error_in_scattered_attributes_is_found_where_it_stands() -> None:
    torn = body(gauge("m", A + a_point(1) + field(7, b"\x0a\x09k")))
    with pytest.raises(MalformedBodyError, match="a length reaches beyond its message") as caught:
        Decoder().decode(torn)
    assert caught.value.facts["offset"] == len(torn) - 2


def test_a_missing_kernel_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phoenix_platform.otlp.kernel", None)
    with pytest.raises(UnavailableError, match=r"kernel is not compiled .*make venv"):
        Decoder()
