from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.builders import DELTA, NOON, SECOND, FakeProcess, a_scrape
from tests.oracle.plain_decoder import PlainDecoder

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.metering import instances
from phoenix_platform.metering.meter import Meter, MeterSettings, VariantTiming
from phoenix_platform.metering.patterns import parse_pattern
from phoenix_platform.metering.readings import Reading
from phoenix_platform.metering.retention import CriticalIdentity
from phoenix_platform.metering.samples import ProcessInstance, Sample, Variant
from phoenix_platform.otlp.decoding import Decoder

EVERY_SECOND = VariantTiming(emits_every=timedelta(seconds=1))
POINTS = 3  # per process of the builder: user and system CPU time, memory


class Bench:
    """A meter with two variants; `step` plays one scrape through it."""

    def __init__(
        self,
        *,
        critical: Sequence[str] = (),
        candidate: VariantTiming = EVERY_SECOND,
        identity: CriticalIdentity = CriticalIdentity.INSTANCE,
    ) -> None:
        self.meter = Meter(
            MeterSettings(
                host="test",
                interval=timedelta(seconds=1),
                timings={Variant.BASELINE: EVERY_SECOND, Variant.CANDIDATE: candidate},
                critical=[parse_pattern(text) for text in critical],
                critical_identity=identity,
                production_interval=timedelta(seconds=3),
            ),
            PlainDecoder,
            began_unix_nano=NOON,
        )
        self.now = NOON
        self.wall_offset = 0
        self.samples: list[Sample] = []

    def clock_jumps(self, nanoseconds: int) -> None:
        """The wall clock, which stamps the points, jumps."""
        self.wall_offset += nanoseconds

    def step(
        self,
        processes: Sequence[FakeProcess],
        candidate: Sequence[bytes] | None = None,
        *,
        accepted: bool = True,
    ) -> None:
        """One scrape: the baseline lets everything out, the candidate these bodies (or the same)."""
        body = a_scrape(processes, self.now + self.wall_offset)
        scrape = self.meter.take_scrape(
            body, now=self.now + 10_000_000, wall_offset=self.wall_offset
        )
        assert scrape is not None
        for variant in Variant:
            if self.meter.is_relayed(variant, scrape):
                self.meter.begin_relay(variant, scrape)
                self.meter.end_relay(
                    variant, scrape, acknowledged=accepted or variant is Variant.BASELINE
                )
        arrival = self.now + 20_000_000
        self.meter.take_output(Variant.BASELINE, body, now=arrival)
        for output in [body] if candidate is None else candidate:
            self.meter.take_output(Variant.CANDIDATE, output, now=arrival)
        self.now += SECOND
        self.samples += self.meter.close_due(now=self.now)

    def finish(self, processes: Sequence[FakeProcess]) -> None:
        """Scrapes until everything before is closed."""
        for _ in range(4):
            self.step(processes)

    def of(self, variant: Variant) -> list[Sample]:
        return [sample for sample in self.samples if sample.variant is variant]

    def candidate(self, scrape: int) -> Sample:
        return next(sample for sample in self.of(Variant.CANDIDATE) if sample.scrape == scrape)


def two_processes() -> list[FakeProcess]:
    return [FakeProcess(pid=1, name="db"), FakeProcess(pid=2, name="cron")]


def test_both_variants_have_one_sample_for_every_scrape() -> None:
    bench = Bench()
    for _ in range(6):
        bench.step(two_processes())
    assert [sample.scrape for sample in bench.of(Variant.BASELINE)] == [0, 1, 2, 3]
    assert [sample.scrape for sample in bench.of(Variant.CANDIDATE)] == [0, 1, 2, 3]
    sample = bench.candidate(1)
    assert (sample.input_points, sample.output_points, sample.series) == (6, 6, 6)
    assert (sample.metric_names, sample.raw_processes, sample.colliding_points) == (2, 2, 0)
    assert sample.acknowledged
    assert sample.delay_p50_seconds == pytest.approx(0.02, abs=1e-3)


def test_a_sample_waits_for_the_grace_of_two_intervals() -> None:
    bench = Bench()
    bench.step(two_processes())
    bench.step(two_processes())
    assert not bench.samples
    bench.step(two_processes())
    assert {sample.scrape for sample in bench.samples} == {0}


def test_work_of_kept_and_dropped_processes_shows_in_the_totals() -> None:
    bench = Bench()
    database, cron = two_processes()
    for _ in range(6):
        bench.step([database, cron], [a_scrape([database], bench.now)])
        database, cron = database.later(cpu=0.25), cron.later(cpu=0.5)
    total = bench.candidate(2).totals["process.cpu.time"]
    assert total.raw == pytest.approx(2 * 0.25 + 2 * 0.5)
    assert total.output == pytest.approx(2 * 0.25)
    assert not total.is_conserved
    assert bench.of(Variant.BASELINE)[2].totals["process.cpu.time"].is_conserved
    assert bench.candidate(2).totals["process.memory.usage"].raw == 2_000_000


def test_what_a_process_did_before_it_was_first_seen_counts() -> None:
    bench = Bench()
    old = FakeProcess(pid=1)
    bench.step([old])
    newborn = FakeProcess(pid=9, started=NOON, cpu={"user": 0.75})
    bench.step([old, newborn])
    bench.finish([old, newborn])
    assert bench.candidate(0).totals["process.cpu.time"].raw == 0
    assert bench.candidate(1).totals["process.cpu.time"].raw == 0.75


def test_delta_output_counts_as_it_comes() -> None:
    bench = Bench()
    process = FakeProcess(pid=1)
    for _ in range(5):
        step = replace(process, cpu={"user": 0.25, "system": 0.25})
        bench.step([process], [a_scrape([step], bench.now, temporality=DELTA)])
        process = process.later(cpu=0.25)
    total = bench.candidate(2).totals["process.cpu.time"]
    assert (total.raw, total.output) == (0.5, 0.5)


def test_output_with_truncated_times_belongs_to_the_scrape_that_was_just_given() -> None:
    bench = Bench()
    bench.now += 300_000_000
    for _ in range(6):
        truncated = bench.now - bench.now % SECOND
        bench.step(two_processes(), [a_scrape(two_processes(), truncated, spread=0)])
    assert [sample.output_points for sample in bench.of(Variant.CANDIDATE)] == [6, 6, 6, 6]


def test_output_that_comes_in_one_batch_is_split_by_scrape() -> None:
    bench = Bench(
        candidate=VariantTiming(emits_every=timedelta(seconds=1), holds_for=timedelta(seconds=3))
    )
    held: list[bytes] = []
    for number in range(12):
        held.append(a_scrape(two_processes(), bench.now))
        batch, held = ([b"".join(held)], []) if number % 3 == 2 else ([], held)
        bench.step(two_processes(), batch)
    assert {sample.output_points for sample in bench.of(Variant.CANDIDATE)} == {6}


def test_points_for_a_closed_scrape_are_counted_as_late() -> None:
    bench = Bench()
    late = a_scrape(two_processes(), NOON)
    for _ in range(4):
        bench.step(two_processes())
    bench.step(two_processes(), [a_scrape(two_processes(), bench.now), late])
    bench.finish(two_processes())
    assert sum(sample.late_points for sample in bench.of(Variant.CANDIDATE)) == 6


def test_a_scrape_that_was_not_taken_whole_is_not_paired() -> None:
    bench = Bench()
    bench.step(two_processes())
    bench.step(two_processes(), [], accepted=False)
    bench.finish(two_processes())
    assert [sample.acknowledged for sample in bench.of(Variant.CANDIDATE)[:3]] == [
        True,
        False,
        True,
    ]
    assert all(sample.acknowledged for sample in bench.of(Variant.BASELINE))


def test_a_candidate_with_a_longer_interval_is_given_every_nth_scrape() -> None:
    bench = Bench(candidate=VariantTiming(relay_every=3, emits_every=timedelta(seconds=3)))
    process = FakeProcess(pid=1)
    for number in range(20):
        is_third = number % 3 == 2
        bench.step([process], None if is_third else [])
        process = process.later(cpu=0.25)
    sample = bench.candidate(3)
    assert (sample.scrapes, sample.input_points, sample.output_points) == (3, 9, 3)
    assert sample.totals["process.cpu.time"].output == sample.totals["process.cpu.time"].raw == 1.5
    assert sample.acknowledged
    baseline = next(sample for sample in bench.of(Variant.BASELINE) if sample.scrape == 3)
    assert (baseline.scrapes, baseline.output_points, baseline.series) == (3, 9, 3)


def test_intervals_without_a_common_span_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^interval: "):
        Meter(
            MeterSettings(
                host="test",
                interval=timedelta(seconds=1),
                timings={
                    Variant.BASELINE: VariantTiming(emits_every=timedelta(seconds=2)),
                    Variant.CANDIDATE: VariantTiming(emits_every=timedelta(seconds=3)),
                },
            ),
            PlainDecoder,
            began_unix_nano=NOON,
        )


class TestCriticalProcesses:
    DATABASE = ProcessInstance("db", 1, NOON - 100 * SECOND)

    def test_a_dropped_one_is_missing_with_its_name_and_pid(self) -> None:
        bench = Bench(critical=["db"])
        database, cron = two_processes()
        for number in range(6):
            kept = [cron] if number == 2 else [database, cron]
            bench.step([database, cron], [a_scrape(kept, bench.now)])
        assert bench.candidate(1).critical_missing == ()
        assert bench.candidate(1).critical_seen == (self.DATABASE,)
        assert bench.candidate(2).critical_missing == (self.DATABASE,)
        assert bench.of(Variant.BASELINE)[2].critical_missing == ()

    def test_the_first_scrape_of_an_instance_is_not_checked(self) -> None:
        bench = Bench(critical=["db"])
        database, cron = two_processes()
        bench.step([cron])
        bench.step([database, cron], [a_scrape([cron], bench.now)])
        bench.finish([database, cron])
        assert bench.candidate(1).critical_missing == ()
        assert bench.candidate(2).critical_seen == (self.DATABASE,)

    def test_in_a_group_without_a_name_it_is_not_seen(self) -> None:
        bench = Bench(critical=["db"], identity=CriticalIdentity.NAME)
        processes = [
            FakeProcess(pid=pid, name="db", extra={"process.owner": "x"}) for pid in (1, 2)
        ]
        for _ in range(6):
            by_owner = a_scrape(processes, bench.now, resource_keys=["process.owner"])
            bench.step(processes, [by_owner])
        assert bench.candidate(2).critical_seen == ()

    def test_the_only_scrape_of_an_instance_is_checked(self) -> None:
        bench = Bench(critical=["db"])
        database, cron = two_processes()
        bench.step([cron])
        bench.step([database, cron], [a_scrape([cron], bench.now)])
        bench.finish([cron])
        assert bench.candidate(1).critical_missing == (self.DATABASE,)

    @pytest.mark.parametrize(
        ("others", "identity", "is_seen"),
        [
            pytest.param(["cron"], CriticalIdentity.INSTANCE, True, id="a-group-of-one"),
            pytest.param(["db"], CriticalIdentity.INSTANCE, False, id="a-group-of-two"),
            pytest.param(["db"], CriticalIdentity.NAME, True, id="a-group-of-two-by-name"),
        ],
    )
    def test_in_a_roll_up_by_name(
        self, others: list[str], identity: CriticalIdentity, *, is_seen: bool
    ) -> None:
        bench = Bench(critical=["db"], identity=identity)
        processes = [FakeProcess(pid=2 + n, name=name) for n, name in enumerate(others)]
        processes.append(FakeProcess(pid=1, name="db"))  # behind the groups of others
        for _ in range(6):
            by_name = a_scrape(
                processes, bench.now, resource_keys=["process.executable.name"], temporality=DELTA
            )
            bench.step(processes, [by_name])
        assert (self.DATABASE in bench.candidate(2).critical_seen) is is_seen


def test_readings_become_what_was_used_in_the_interval() -> None:
    bench = Bench()
    for number in range(6):
        bench.meter.read(
            Variant.CANDIDATE,
            number,
            Reading(
                cpu_seconds=0.5 * number,
                rss_bytes=1000 + number,
                refused_points=0,
                dropped_points=7 * number,
                queue_full=number == 3,
            ),
        )
        bench.step(two_processes())
    sample = bench.candidate(2)
    assert (sample.cpu_seconds, sample.rss_bytes) == (0.5, 1003)
    assert (sample.refused_points, sample.dropped_points, sample.queue_full) == (0, 7, True)
    assert bench.of(Variant.BASELINE)[2].cpu_seconds is None


def test_a_scrape_sent_twice_counts_once() -> None:
    bench = Bench()
    bench.step(two_processes())
    assert bench.meter.take_scrape(a_scrape(two_processes(), NOON), now=bench.now) is None
    assert bench.meter.repeated_scrapes == 1


def test_an_empty_scrape_is_counted_and_not_relayed() -> None:
    bench = Bench()
    assert bench.meter.take_scrape(b"", now=NOON) is None
    assert bench.meter.irregularities.empty_scrapes == 1


def test_intervals_without_a_scrape_are_counted_as_missed() -> None:
    bench = Bench()
    bench.step(two_processes())
    bench.now += 3 * SECOND  # the source hung
    bench.finish(two_processes())
    assert bench.meter.irregularities.missed_scrapes == 3
    assert all(sample.acknowledged for sample in bench.samples)


def test_losses_name_what_lost_its_own_series() -> None:
    bench = Bench()
    database, cron = two_processes()
    others = [FakeProcess(pid=pid, name="job") for pid in (5, 6, 7)]
    for _ in range(4):
        bench.step([database, cron, *others], [a_scrape([database, others[0]], bench.now)])
    losses = bench.meter.losses()
    assert [(loss.name, loss.processes) for loss in losses] == [("job", 3), ("cron", 1), ("db", 1)]
    assert [loss.visible[Variant.CANDIDATE] for loss in losses] == [1, 0, 1]
    assert [loss.visible[Variant.BASELINE] for loss in losses] == [3, 1, 1]


def test_series_of_the_last_span_are_counted_by_metric() -> None:
    bench = Bench()
    assert bench.meter.series_by_metric(Variant.CANDIDATE) == {}
    bench.finish(two_processes())
    assert bench.meter.series_by_metric(Variant.CANDIDATE) == {
        "process.cpu.time": 4,
        "process.memory.usage": 2,
    }


def test_the_grace_is_that_of_the_slower_variant() -> None:
    slow = VariantTiming(emits_every=timedelta(seconds=3), holds_for=timedelta(seconds=5))
    assert Bench(candidate=slow).meter.grace == timedelta(seconds=11)
    assert Bench().meter.grace == timedelta(seconds=2)


def test_output_before_any_scrape_is_a_stray() -> None:
    bench = Bench()
    bench.meter.take_output(Variant.CANDIDATE, a_scrape(two_processes(), NOON), now=NOON)
    bench.finish(two_processes())
    assert bench.meter.stray_points(Variant.CANDIDATE) == 6
    assert bench.candidate(0).output_points == 6


def test_an_empty_request_changes_nothing() -> None:
    bench = Bench()
    bench.step(two_processes(), [b"", a_scrape(two_processes(), bench.now)])
    bench.finish(two_processes())
    assert bench.candidate(0).output_points == 6


def test_a_collector_that_was_restarted_has_used_an_unknown_amount() -> None:
    bench = Bench()
    for number, cpu_seconds in enumerate([5.0, 6.0, 0.1, 0.2, 0.3]):
        reading = Reading(
            cpu_seconds=cpu_seconds,
            rss_bytes=None,
            refused_points=None,
            dropped_points=None,
            queue_full=None,
        )
        bench.meter.read(Variant.CANDIDATE, number, reading)
        bench.step(two_processes())
    assert [sample.cpu_seconds for sample in bench.of(Variant.CANDIDATE)] == [1.0, None, 0.1]


class TestClockJumps:
    @pytest.mark.parametrize("seconds", [-3600.0, 3600.0, -1.0, 1.0, -0.5], ids="{:+g}s".format)
    def test_a_jump_is_counted_and_the_samples_around_it_are_not_paired(
        self, seconds: float
    ) -> None:
        bench = Bench(critical=["db"])
        for number in range(16):
            if number == 8:
                bench.clock_jumps(round(seconds * SECOND))
            bench.step(two_processes())
        assert bench.meter.irregularities.clock_jumps == 1
        samples = bench.of(Variant.CANDIDATE)
        assert [one.scrape for one in samples] == list(range(14))  # none is lost
        unpaired = [one.scrape for one in samples if not one.acknowledged]
        assert unpaired == [6, 7, 8, 9]
        paired = [one for one in samples if one.acknowledged]
        assert {one.output_points for one in paired} == {6}
        assert {one.critical_missing for one in samples} == {()}
        assert all(one.totals["process.memory.usage"].is_conserved for one in paired)
        delays = {one.delay_p50_seconds for one in samples}
        assert all(delay == pytest.approx(0.02, abs=1e-3) for delay in delays)

    def test_a_clock_that_went_back_shows_in_the_points_even_if_nobody_says_so(self) -> None:
        bench = Bench()
        bench.step(two_processes())
        earlier = a_scrape(two_processes(), NOON - 3600 * SECOND)
        assert bench.meter.take_scrape(earlier, now=bench.now) is not None
        assert bench.meter.irregularities.clock_jumps == 1
        assert bench.meter.repeated_scrapes == 0

    def test_a_clock_that_is_slowed_down_little_by_little_does_not_jump(self) -> None:
        bench = Bench()
        for _ in range(40):
            bench.clock_jumps(-SECOND // 20)
            bench.step(two_processes())
        assert bench.meter.irregularities.clock_jumps == 0


def test_the_last_scrape_is_in_a_sample_when_no_other_will_come() -> None:
    bench = Bench(critical=["db"])
    for _ in range(4):
        bench.step(two_processes())
    newborn = [*two_processes(), FakeProcess(pid=9, name="db")]
    bench.step(newborn)
    assert not bench.meter.close_last(now=bench.now)  # its output may still come
    last = bench.meter.close_last(now=bench.now + 2 * SECOND)
    assert [one.scrape for one in last] == [3, 3, 4, 4] or [one.scrape for one in last] == [4, 4]
    sample = last[-1]
    assert (sample.output_points, sample.cpu_seconds) == (9, None)
    # Whether the newborn lived on is not known: only what was there before is checked.
    assert [one.pid for one in sample.critical_seen] == [1]
    assert not bench.meter.close_last(now=bench.now + 60 * SECOND)


def test_new_series_are_counted_every_production_interval() -> None:
    bench = Bench()
    processes = two_processes()
    for number in range(9):
        if number == 3:
            processes.append(FakeProcess(pid=3))
        bench.step(processes)
    new = [one.new_series for one in bench.of(Variant.CANDIDATE)]
    assert new == [6, None, None, 3, None, None, 0]


def test_output_that_is_still_open_keeps_its_series_however_long_the_source_hangs() -> None:
    bench = Bench()
    for _ in range(3):
        bench.step(two_processes())
    bench.now += 3600 * SECOND
    bench.finish([FakeProcess(pid=7)])
    assert [bench.candidate(number).series for number in range(4)] == [6, 6, 6, 3]


def test_a_variant_far_behind_is_given_scrapes_that_are_closed_already() -> None:
    bench = Bench()
    first = bench.meter.take_scrape(a_scrape(two_processes(), NOON), now=NOON)
    assert first is not None
    bench.now += SECOND
    bench.finish(two_processes())
    bench.meter.begin_relay(Variant.CANDIDATE, first)
    bench.meter.end_relay(Variant.CANDIDATE, first, acknowledged=True)
    bench.finish(two_processes())
    assert not bench.candidate(0).acknowledged
    assert bench.candidate(3).acknowledged


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hours_of_short_processes_leave_the_tables_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(instances, "MOST_NAMES", 1000)
    every, born_at_once, rounds = 30, 750, 240  # 25 processes a second
    timing = VariantTiming(emits_every=timedelta(seconds=every))
    meter = Meter(
        MeterSettings(
            host="churn",
            interval=timedelta(seconds=every),
            timings=dict.fromkeys(Variant, timing),
            production_interval=timedelta(minutes=1),
        ),
        Decoder,
        began_unix_nano=NOON,
    )
    sizes: list[tuple[int, ...]] = []
    for number in range(rounds):
        now = NOON + number * every * SECOND
        first = number * born_at_once
        born = [
            FakeProcess(pid=pid % 32_768, name=f"job-{pid}", cpu={"user": 0.5}, started=now)
            for pid in range(first, first + born_at_once)
        ]
        body, half = a_scrape(born, now), a_scrape(born[::2], now)
        scrape = meter.take_scrape(body, now=now)
        assert scrape is not None
        for variant, output in ((Variant.BASELINE, body), (Variant.CANDIDATE, half)):
            meter.begin_relay(variant, scrape)
            meter.end_relay(variant, scrape, acknowledged=True)
            meter.take_output(variant, output, now=now)
        meter.close_due(now=now)
        streams = (
            meter._raw._stream,
            *(state.output._stream for state in meter._variants.values()),
        )
        sizes.append(
            (
                *(len(stream.ids) for stream in streams),
                *(len(stream.instances) for stream in streams),
                *(len(stream.labels) for stream in streams),
                *(len(stream._resources) for stream in streams),
                *(len(stream._increases._value) for stream in streams),
                *(len(state.output._windows) // 2 for state in meter._variants.values()),
                *(len(shown) for shown in meter._losses._shown.values()),
                len(meter._losses._counts),
            )
        )
    of_first_hour = np.array(sizes[: rounds // 2]).max(axis=0)
    of_second_hour = np.array(sizes[rounds // 2 :]).max(axis=0)
    assert (of_second_hour <= 1.25 * of_first_hour).all(), (of_first_hour, of_second_hour)
    losses = meter.losses()
    assert len(losses) == 1000 + 1
    assert sum(loss.processes for loss in losses) == rounds * born_at_once
    assert sum(loss.visible[Variant.BASELINE] for loss in losses) == rounds * born_at_once
    assert sum(loss.visible[Variant.CANDIDATE] for loss in losses) == rounds * born_at_once // 2
