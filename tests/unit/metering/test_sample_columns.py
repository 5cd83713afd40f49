import json
from typing import Any

import pytest
from tests.builders import a_scrape
from tests.unit.metering.test_kept_metrics import RSS, without
from tests.unit.metering.test_meter import Bench, two_processes

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering.sample_columns import columns_of, samples_of
from phoenix_platform.metering.samples import Sample


def measured_samples() -> list[Sample]:
    bench = Bench(critical=["db"])
    database, cron = two_processes()
    for number in range(8):
        kept = [cron] if number == 2 else [database, cron]
        body = a_scrape(kept, bench.now)
        bench.step([database, cron], [without(body, RSS) if number == 3 else body])
        database, cron = database.later(cpu=0.1), cron.later(cpu=0.7)
    return bench.samples


def test_samples_read_back_the_same_through_json() -> None:
    samples = measured_samples()
    assert any(sample.critical_missing for sample in samples)
    assert any(kept.lost for sample in samples for kept in sample.critical_metrics.values())
    assert samples_of(json.loads(json.dumps(columns_of(samples)))) == samples


def test_no_samples_read_back_as_none() -> None:
    assert samples_of(columns_of([])) == []


@pytest.mark.parametrize(
    ("name", "column"),
    [
        pytest.param("series", [1], id="another-length"),
        pytest.param("critical_seen", [[99]] * 12, id="an-unknown-process"),
        pytest.param("variant", ["treatment"] * 12, id="an-unknown-variant"),
        pytest.param("started_unix_nano", ["now"] * 12, id="no-number"),
    ],
)
def test_a_column_that_does_not_fit_is_refused(name: str, column: list[Any]) -> None:
    columns = columns_of(measured_samples())
    assert len(columns["series"]) == 12
    with pytest.raises(InvalidInputError, match=r"^samples: "):
        samples_of(columns | {name: column})


def test_a_missing_column_is_refused() -> None:
    columns = columns_of(measured_samples())
    del columns["totals"]
    with pytest.raises(InvalidInputError, match=r"^samples: "):
        samples_of(columns)
