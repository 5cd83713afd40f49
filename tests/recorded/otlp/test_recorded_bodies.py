from pathlib import Path

import numpy as np
import pytest
from tests.oracle.agreement import assert_agree, outcome_of
from tests.oracle.lenient_messages import LENIENT_REQUEST
from tests.oracle.plain_decoder import PlainDecoder

from phoenix_platform.otlp.decoding import Decoder
from phoenix_platform.otlp.identity import id_of
from phoenix_platform.otlp.series import Kind, Temporality
from phoenix_platform.otlp.stored_bytes import point_bytes

BODIES = {path.stem: path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.pb"))}
SCRAPES = [BODIES[f"process_default_t{number}"] for number in range(3)]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_kernel_and_oracle_read_a_real_scrape_alike(body: bytes) -> None:
    oracle, kernel = PlainDecoder(), Decoder()
    first = assert_agree(oracle, kernel, body)
    again = assert_agree(oracle, kernel, body)
    assert first is not None
    assert again is not None
    assert len(first.fresh) == len(first) > 100
    assert len(again.fresh) == 0


def test_kernel_and_oracle_read_all_scrapes_alike_one_after_the_other() -> None:
    oracle, kernel = PlainDecoder(), Decoder()
    decoded = [assert_agree(oracle, kernel, body) for body in BODIES.values()]
    assert [len(columns) for columns in decoded if columns is not None] == [175, 175, 161, 230, 210]


def test_every_row_has_the_id_and_the_weight_of_its_series() -> None:
    decoder = Decoder()
    for body in BODIES.values():
        decoder.decode(body)
    described = [decoder.table.series(row) for row in range(len(decoder.table))]
    assert decoder.table.ids.tolist() == [id_of(series) for series in described]
    assert decoder.table.point_bytes.tolist() == [point_bytes(series) for series in described]


def test_the_process_scraper_is_described_as_it_is() -> None:
    decoder = Decoder()
    columns = decoder.decode(SCRAPES[0])
    described = {}
    for row in columns.rows.tolist():
        series = decoder.table.series(row)
        described[series.metric] = (series.unit, series.kind, series.temporality, series.monotonic)
    cumulative = (Kind.SUM, Temporality.CUMULATIVE)
    assert described == {
        "process.cpu.time": ("s", *cumulative, True),
        "process.disk.io": ("By", *cumulative, True),
        "process.memory.usage": ("By", *cumulative, False),
        "process.memory.virtual": ("By", *cumulative, False),
    }


def test_points_of_one_process_share_time_and_resource() -> None:
    decoder = Decoder()
    columns = decoder.decode(SCRAPES[0])
    resources = [id(decoder.table.series(row).resource) for row in columns.rows.tolist()]
    assert len(set(resources)) == 25
    assert len(set(zip(resources, columns.time_unix_nano.tolist(), strict=True))) == 25


def test_births_are_fresh_and_the_dead_can_be_forgotten() -> None:
    decoder = Decoder()
    first, second, third = map(decoder.decode, SCRAPES)
    assert [len(columns.fresh) for columns in (first, second, third)] == [175, 21, 7]
    in_use = np.arange(len(decoder.table), dtype=np.uint32)
    decoder.forget(np.setdiff1d(in_use, third.rows))
    assert len(decoder.decode(SCRAPES[2]).fresh) == 0
    assert decoder._kernel.sizes()[-1] == len(third)


@pytest.mark.parametrize("place", range(0, len(SCRAPES[0]), 997))
def test_a_scrape_cut_off_or_changed_is_refused_by_both_or_by_none(place: int) -> None:
    scrape = SCRAPES[0]
    oracle, kernel = PlainDecoder(LENIENT_REQUEST), Decoder()
    assert_agree(oracle, kernel, scrape[:place])
    for bit in range(8):
        changed = bytearray(scrape)
        changed[place] ^= 1 << bit
        expected, columns = outcome_of(oracle, bytes(changed)), outcome_of(kernel, bytes(changed))
        assert (expected is None) == (columns is None)
    assert_agree(oracle, kernel, scrape)
