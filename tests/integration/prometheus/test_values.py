"""A real Prometheus computes, and what comes out is what a pencil says, to nine digits."""

import math
import time
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from tests.prometheus_runs import (
    RunningPrometheus,
    counters,
    gauges,
    histogram,
    running_prometheus,
)

from phoenix_platform.adapters.prometheus.client import Prometheus, open_prometheus
from phoenix_platform.adapters.prometheus.results import QueryRefusedError, SeveralSeriesError
from phoenix_platform.adapters.prometheus.settings import PrometheusSettings

pytestmark = pytest.mark.timeout(180)

NOW = int(time.time()) - 60
"""The moment that is asked for, in whole seconds."""
TIMES = [NOW - 60, NOW - 45, NOW - 30, NOW - 15, NOW]
SERVED = (100.0, 130.0, 170.0, 220.0, 280.5)
FAILED = (3.0, 4.0, 6.0, 6.0, 10.25)
BEGUN_ANEW = (50.0, 80.0, 10.0, 40.0, 55.0)
DEPTHS = {"a": (1.0, 2.0, 3.0, 4.0, 5.5), "b": (7.0, 7.0, 8.0, 8.0, 8.5)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningPrometheus]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(folder) as running:
        running.take(counters("requests", TIMES, {"200": SERVED, "500": FAILED}))
        running.take(counters("restarts", TIMES, {"x": BEGUN_ANEW}))
        running.take(gauges("depth", TIMES, DEPTHS))
        running.take(gauges("gone", [NOW - 400], {"a": (1.0,)}))
        running.take(gauges("zero", [NOW], {"a": (0.0,)}))
        running.take(histogram("latency", NOW, (0.1, 0.5, 1.0), (20, 60, 20, 0)))
        yield running


@pytest_asyncio.fixture
async def prometheus(server: RunningPrometheus) -> AsyncGenerator[Prometheus]:
    settings = PrometheusSettings(url=server.url, deadline=timedelta(seconds=60))
    async with open_prometheus(settings) as opened:
        yield opened


# A window is open at its left end, so [1m] holds the samples of -45, -30, -15 and 0 s. The distance to its
# start (15 s) is below 1.1 times that between samples: the increase is stretched from 45 to 60 s.
# Source: Prometheus, promql/functions.go, `extrapolatedRate`.
def increase(values: tuple[float, ...]) -> float:
    return (values[4] - values[1]) * (60 / 45)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('increase(requests_total{code="200"}[1m])', increase(SERVED)),
        ('rate(requests_total{code="500"}[1m])', increase(FAILED) / 60),
        # 80 → 10 is a reset: what was lost, 80, is added again.
        ("increase(restarts_total[1m])", (55.0 - 80.0 + 80.0) * (60 / 45)),
        ("sum(rate(requests_total[1m]))", (increase(SERVED) + increase(FAILED)) / 60),
        ('sum by (code) (increase(requests_total{code=~"5.."}[1m]))', increase(FAILED)),
        (
            'sum(rate(requests_total{code=~"5.."}[1m])) / sum(rate(requests_total[1m]))',
            increase(FAILED) / (increase(SERVED) + increase(FAILED)),
        ),
        # Rank 90 of 100 lies in the bucket from 0.5 to 1, behind 80 of its 20.
        ("histogram_quantile(0.9, latency_bucket)", 0.5 + 0.5 * (90 - 80) / 20),
        ("histogram_quantile(0.5, sum by (le) (latency_bucket))", 0.1 + 0.4 * (50 - 20) / 60),
        ('avg_over_time(depth{site="a"}[1m])', (2.0 + 3.0 + 4.0 + 5.5) / 4),
        ("max(depth)", 8.5),
        ("sum(depth)", 14.0),
        ("count(depth > 6)", 1.0),
        ("1 + 2 * 3", 7.0),
        ("scalar(sum(depth)) / 0", math.inf),
        ("-max(depth) / 0", -math.inf),
        ('vector(1) and on() depth{site="b"}', 1.0),
    ],
)
async def test_the_value_is_the_one_by_hand(
    prometheus: Prometheus, query: str, expected: float
) -> None:
    value = await prometheus.number(query, at_unix_ms=NOW * 1000)
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


async def test_zero_by_zero_is_not_a_number(prometheus: Prometheus) -> None:
    value = await prometheus.number("sum(zero) / sum(zero)", at_unix_ms=NOW * 1000)
    assert value is not None
    assert math.isnan(value)


@pytest.mark.parametrize("query", ["nothing_of_this_name", "depth > 100", "gone"])
async def test_no_series_is_no_value_and_a_stale_one_is_none(
    prometheus: Prometheus, query: str
) -> None:
    assert await prometheus.number(query, at_unix_ms=NOW * 1000) is None


async def test_a_value_is_that_of_the_moment_asked_for(prometheus: Prometheus) -> None:
    query = 'depth{site="a"}'
    assert await prometheus.number(query, at_unix_ms=(NOW - 15) * 1000) == 4.0
    assert await prometheus.number(query, at_unix_ms=(NOW - 15) * 1000 - 1) == 3.0
    assert await prometheus.number("gone", at_unix_ms=(NOW - 200) * 1000) == 1.0


async def test_several_series_are_no_number_and_are_named(prometheus: Prometheus) -> None:
    with pytest.raises(SeveralSeriesError) as caught:
        await prometheus.number("depth", at_unix_ms=NOW * 1000)
    said = str(caught.value)
    assert "gives 2 series" in said
    assert 'depth{site="a"}' in said
    assert "aggregate it, such as max(…)" in said


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("sum(rate(requests_total[1m])", "unclosed left parenthesis"),
        ("summe(up)", "unknown function"),
        ("depth[1m]", "gives a matrix, not a number"),
        ('"text"', "gives a string, not a number"),
        ("depth * on() depth", "found duplicate series for the match group"),
    ],
)
async def test_what_prometheus_refuses_comes_with_its_words(
    prometheus: Prometheus, query: str, complaint: str
) -> None:
    with pytest.raises(QueryRefusedError) as caught:
        await prometheus.number(query, at_unix_ms=NOW * 1000)
    assert complaint in str(caught.value)


async def test_the_servers_parser_reads_queries_before_they_are_asked(
    prometheus: Prometheus,
) -> None:
    assert await prometheus.check("sum(rate(requests_total[1m]))")
    with pytest.raises(QueryRefusedError, match="unclosed left parenthesis"):
        await prometheus.check("sum(rate(requests_total[1m])")


async def test_a_range_has_a_value_for_every_step(prometheus: Prometheus) -> None:
    end = datetime.fromtimestamp(NOW, tz=UTC)
    series = await prometheus.series(
        "depth", start=end - timedelta(seconds=30), end=end, step=timedelta(seconds=15)
    )
    assert [one.labels["site"] for one in series] == ["a", "b"]
    assert list(series[0].times) == [NOW - 30, NOW - 15, NOW]
    assert [one.values for one in series] == [(3.0, 4.0, 5.5), (8.0, 8.0, 8.5)]


async def test_a_range_of_too_many_steps_is_refused(prometheus: Prometheus) -> None:
    end = datetime.fromtimestamp(NOW, tz=UTC)
    with pytest.raises(QueryRefusedError, match="exceeded maximum resolution of 11,000 points"):
        await prometheus.series(
            "depth", start=end - timedelta(days=1), end=end, step=timedelta(seconds=1)
        )
