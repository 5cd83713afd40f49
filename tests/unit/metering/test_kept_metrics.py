"""Which metrics critical processes lose while they stay visible."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.builders import FakeProcess, a_scrape
from tests.unit.metering.test_meter import Bench, two_processes

from phoenix_platform.metering.meter import VariantTiming
from phoenix_platform.metering.retention import CriticalIdentity
from phoenix_platform.metering.samples import KeptMetric, Variant

CPU, RSS = "process.cpu.time", "process.memory.usage"


def without(body: bytes, metric: str, *, pid: int | None = None) -> bytes:
    """The request without a metric: of one process, or of all."""
    request = ExportMetricsServiceRequest.FromString(body)
    for resource in request.resource_metrics:
        own = next(one for one in resource.resource.attributes if one.key == "process.pid")
        if pid in (None, own.value.int_value):
            (scope,) = resource.scope_metrics
            kept = [one for one in scope.metrics if one.name != metric]
            del scope.metrics[:]
            scope.metrics.extend(kept)
    return request.SerializeToString()


def play(bench: Bench, processes: Sequence[FakeProcess], metric: str, pid: int | None) -> None:
    for _ in range(6):
        body = a_scrape(processes, bench.now)
        bench.step(processes, [without(body, metric, pid=pid)])


def test_a_metric_that_one_of_two_loses_is_counted_with_the_one_that_lost_it() -> None:
    bench = Bench(critical=["db", "cron"])
    play(bench, two_processes(), RSS, 1)
    sample = bench.candidate(1)
    assert [process.name for process in sample.critical_seen] == ["cron", "db"]
    assert sample.critical_metrics == {
        CPU: KeptMetric(2, 0, None),
        RSS: KeptMetric(2, 1, sample.critical_seen[1]),
    }
    baseline = bench.of(Variant.BASELINE)[1]
    assert baseline.critical_metrics == {
        CPU: KeptMetric(2, 0, None),
        RSS: KeptMetric(2, 0, None),
    }


def test_of_several_that_lose_it_the_first_is_the_example() -> None:
    bench = Bench(critical=["db", "cron"])
    play(bench, two_processes(), RSS, None)
    sample = bench.candidate(1)
    assert sample.critical_metrics[RSS] == KeptMetric(2, 2, sample.critical_seen[0])


def test_a_process_that_is_missing_altogether_loses_no_metric() -> None:
    bench = Bench(critical=["db"])
    for _ in range(6):
        bench.step(two_processes(), [a_scrape(two_processes()[1:], bench.now)])
    assert bench.candidate(1).critical_missing
    assert bench.candidate(1).critical_metrics == {}


def test_before_a_process_must_be_visible_nothing_is_asked_of_its_metrics() -> None:
    bench = Bench(critical=["db"])
    play(bench, two_processes(), RSS, None)
    assert bench.candidate(0).critical_metrics == {}


def test_a_group_of_one_keeps_what_the_group_has() -> None:
    bench = Bench(critical=["db"])
    processes = two_processes()
    for _ in range(6):
        body = a_scrape(processes, bench.now, resource_keys=["process.executable.name"])
        request = ExportMetricsServiceRequest.FromString(body)
        for resource in request.resource_metrics:
            del resource.scope_metrics[0].metrics[1]
        bench.step(processes, [request.SerializeToString()])
    sample = bench.candidate(1)
    (database,) = sample.critical_seen
    assert sample.critical_metrics == {CPU: KeptMetric(1, 0, None), RSS: KeptMetric(1, 1, database)}


def test_under_its_name_alone_a_process_keeps_what_its_group_has() -> None:
    bench = Bench(critical=["db"], identity=CriticalIdentity.NAME)
    processes = [FakeProcess(pid=1, name="db"), FakeProcess(pid=2, name="db")]
    for _ in range(6):
        body = a_scrape(processes[:1], bench.now, resource_keys=["process.executable.name"])
        bench.step(processes, [body])
    assert bench.candidate(1).critical_metrics == {
        CPU: KeptMetric(2, 0, None),
        RSS: KeptMetric(2, 0, None),
    }


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(None, id="with-pid"),
        pytest.param(["process.executable.name"], id="as-a-group-of-one"),
    ],
)
def test_a_metric_under_another_name_is_lost(keys: Sequence[str] | None) -> None:
    bench = Bench(critical=["db"])
    processes = two_processes()
    for _ in range(6):
        body = a_scrape(processes, bench.now, resource_keys=keys)
        bench.step(processes, [body.replace(b"process.memory.usage", b"process.memory.other")])
    sample = bench.candidate(1)
    assert sample.critical_metrics == {
        CPU: KeptMetric(1, 0, None),
        RSS: KeptMetric(1, 1, sample.critical_seen[0]),
    }


def test_one_output_of_a_longer_span_shows_what_all_its_scrapes_had() -> None:
    bench = Bench(critical=["db"], candidate=VariantTiming(relay_every=3, emits_every=timedelta(seconds=3)))  # fmt: skip
    processes = two_processes()
    for number in range(12):
        body = a_scrape(processes, bench.now)
        bench.step(processes, [without(body, RSS)] if number % 3 == 2 else [])
    sample = bench.candidate(3)
    assert sample.critical_metrics == {
        CPU: KeptMetric(1, 0, None),
        RSS: KeptMetric(1, 1, sample.critical_seen[0]),
    }
    assert bench.of(Variant.BASELINE)[1].critical_metrics[RSS] == KeptMetric(1, 0, None)


def test_a_process_born_within_a_longer_span_is_looked_at_from_then_on() -> None:
    bench = Bench(critical=["cron"], candidate=VariantTiming(relay_every=3, emits_every=timedelta(seconds=3)))  # fmt: skip
    for number in range(12):
        processes = two_processes()[: 1 if number < 4 else 2]
        body = a_scrape(processes, bench.now)
        bench.step(processes, [body] if number % 3 == 2 else [])
    assert bench.candidate(3).critical_metrics == {
        CPU: KeptMetric(1, 0, None),
        RSS: KeptMetric(1, 0, None),
    }


def test_a_process_all_of_whose_metrics_have_other_names_lost_them_all() -> None:
    bench = Bench(critical=["db"])
    for _ in range(6):
        body = a_scrape(two_processes(), bench.now)
        bench.step(two_processes(), [body.replace(b"process.memory.usage", b"process.memory.other").replace(b"process.cpu.time", b"process.cpu.work")])  # fmt: skip
    sample = bench.candidate(1)
    (database,) = sample.critical_seen
    assert sample.critical_metrics == {
        CPU: KeptMetric(1, 1, database),
        RSS: KeptMetric(1, 1, database),
    }
