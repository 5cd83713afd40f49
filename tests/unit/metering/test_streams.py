from dataclasses import replace

import numpy as np
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.builders import NOON, SECOND, FakeProcess, a_scrape, an_attribute
from tests.oracle.plain_decoder import PlainDecoder

from phoenix_platform.metering.counters import CounterNumbers
from phoenix_platform.metering.processes import UNNAMED, process_of
from phoenix_platform.metering.streams import Stream

MINUTE = 60 * SECOND


def a_stream() -> Stream:
    return Stream(PlainDecoder(), [])


def cpu_total(stream: Stream, processes: list[FakeProcess], scrape: int) -> float:
    at = NOON + scrape * SECOND
    columns = stream.take(a_scrape(processes, at), now=at)
    totals = stream.parts(
        columns,
        np.ones(len(columns), bool),
        scrape=scrape,
        previous_started=at - SECOND if scrape else None,
    ).totals()
    return float(totals.values[0])


def test_a_process_that_changes_its_command_line_goes_on_counting() -> None:
    stream = a_stream()
    process = FakeProcess(pid=1, command_line="postgres: idle")
    cpu_total(stream, [process], 0)
    process = replace(process.later(cpu=0.25), command_line="postgres: SELECT")
    assert cpu_total(stream, [process], 1) == 0.5


def test_a_pid_that_is_used_again_begins_anew() -> None:
    stream = a_stream()
    cpu_total(stream, [FakeProcess(pid=1, cpu={"user": 90.0})], 0)
    reborn = FakeProcess(pid=1, cpu={"user": 95.0}, started=NOON + SECOND // 2)
    assert cpu_total(stream, [reborn], 1) == 95.0


def test_what_was_not_seen_for_a_while_is_forgotten() -> None:
    stream = a_stream()
    stream.take(a_scrape([FakeProcess(pid=1), FakeProcess(pid=2)], NOON), now=NOON)
    stream.take(a_scrape([FakeProcess(pid=2)], NOON + MINUTE), now=NOON + MINUTE)
    assert len(stream.last_seen()[0]) == 6
    ids, seen = stream.forget_unseen(NOON + 1)
    assert (len(ids), set(seen.tolist())) == (3, {NOON})
    assert len(stream.last_seen()[0]) == 3
    assert len(stream.forget_unseen(NOON + 1)[0]) == 0


def test_rows_given_a_new_owner_hold_nothing_of_the_old_one() -> None:
    stream = a_stream()
    cpu_total(stream, [FakeProcess(pid=1, cpu={"user": 50.0})], 0)
    stream.forget_unseen(NOON + SECOND)
    # Born long before it was first seen: its first value is its base, whoever had its row.
    assert cpu_total(stream, [FakeProcess(pid=2, cpu={"user": 70.0})], 1) == 0.0
    assert cpu_total(stream, [FakeProcess(pid=2, cpu={"user": 71.0})], 2) == 1.0


def test_tables_grow_with_the_number_of_series() -> None:
    stream = a_stream()
    many = [FakeProcess(pid=pid) for pid in range(1, 1_001)]
    cpu_total(stream, many, 0)
    assert cpu_total(stream, [process.later(cpu=0.5) for process in many], 1) == 1_000.0
    assert stream.pid.max() == 1_000


def test_a_point_without_a_value_adds_nothing() -> None:
    stream = a_stream()
    columns = stream.take(a_scrape([FakeProcess(pid=1)], NOON), now=NOON)
    columns.flags[:] = 1
    totals = stream.parts(columns, np.ones(3, bool), scrape=0, previous_started=None).totals()
    assert np.isnan(totals.values).all()


def test_a_counter_number_is_free_when_its_last_user_let_it_go() -> None:
    numbers = CounterNumbers()
    assert numbers.claim("a") == (0, True)
    assert numbers.claim("a") == (0, False)
    assert numbers.claim("b") == (1, True)
    assert not numbers.release(0)
    assert numbers.claim("a") == (0, False)
    assert not numbers.release(0)
    assert numbers.release(0)
    assert ("a" in numbers, list(numbers.in_use()), len(numbers)) == (False, ["b"], 2)
    assert numbers.claim("c") == (0, True)
    assert numbers.claim("a") == (2, True)


@pytest.mark.parametrize("pid", [None, "7", True])
def test_a_group_has_no_pid(pid: int | str | None) -> None:
    attributes = {"process.owner": "root", "host.name": "h"} | (
        {} if pid is None else {"process.pid": pid}
    )
    process = process_of(attributes, [])
    assert process is not None
    assert (process.pid, process.name) == (None, UNNAMED)
    assert process.stands_for({"process.owner": "root", "process.pid": pid or 1}) is (
        pid in (None, pid)
    )
    assert not process.stands_for({"process.owner": "nobody"})


def test_attributes_without_a_process_name_none() -> None:
    assert process_of({"host.name": "h"}, []) is None


def test_identity_that_moved_to_the_points_still_names_the_process() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="process.cpu.time")
    metric.sum.is_monotonic = True
    metric.sum.data_points.add(
        time_unix_nano=NOON,
        as_double=1.0,
        attributes=[an_attribute("process.executable.name", "db"), an_attribute("process.pid", 4)],
    )
    stream = a_stream()
    row = int(stream.take(request.SerializeToString(), now=NOON).rows[0])
    process = stream.process(row)
    assert process is not None
    assert (process.name, process.pid) == ("db", 4)


def test_a_histogram_under_a_known_name_is_not_summed() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="process.cpu.time")
    metric.histogram.data_points.add(time_unix_nano=NOON, count=1, sum=3.0)
    stream = a_stream()
    columns = stream.take(request.SerializeToString(), now=NOON)
    totals = stream.parts(columns, np.ones(1, bool), scrape=0, previous_started=None).totals()
    assert np.isnan(totals.values).all()
