import numpy as np
import pytest
from tests.builders import NOON, SECOND

from phoenix_platform.metering.increases import FORGET_AFTER_SCRAPES, Increases

TICK = 0.01


class Counter:
    """One counter of a stream, scrape by scrape."""

    def __init__(self, *, resolution: float = TICK) -> None:
        self.increases = Increases()
        self.resolution = resolution

    def see(self, scrape: int, *values: float, start: int = NOON - 3600 * SECOND) -> list[float]:
        many = len(values)
        increases: list[float] = self.increases.advance(
            np.zeros(many, np.int64),
            np.array(values),
            np.full(many, start),
            np.full(many, self.resolution),
            np.full(many, 1),
            scrape=scrape,
            previous_started=NOON + (scrape - 1) * SECOND if scrape else None,
        ).tolist()
        return increases


def test_the_first_scrape_of_all_is_the_base() -> None:
    assert Counter().see(0, 500.0) == [0.0]


def test_what_was_added_since_the_last_scrape_counts() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(1, 10.5) == [0.5]
    assert counter.see(3, 12.0) == [1.5]


def test_a_process_born_between_two_scrapes_counts_whole() -> None:
    assert Counter().see(4, 0.75, start=NOON + 3 * SECOND) == [0.75]


def test_one_born_long_before_it_was_first_seen_counts_from_then_on() -> None:
    assert Counter().see(4, 99.0) == [0.0]


def test_start_times_cut_to_seconds_still_count_as_new() -> None:
    assert Counter().see(4, 0.75, start=NOON + SECOND + 1) == [0.75]


@pytest.mark.parametrize(
    ("value", "start", "increase"),
    [
        pytest.param(3.0, NOON, 3.0, id="a-later-start"),
        pytest.param(12.0, NOON, 12.0, id="a-later-start-and-a-higher-value"),
        pytest.param(3.0, NOON - 3600 * SECOND, 3.0, id="a-fall"),
        pytest.param(9.99, NOON - 3600 * SECOND, 0.0, id="a-fall-of-one-tick"),
        pytest.param(9.98, NOON - 3600 * SECOND, 9.98, id="a-fall-of-two-ticks"),
        pytest.param(
            10.5, NOON - 3600 * SECOND + SECOND // 200, 0.5, id="a-start-within-its-grain"
        ),
    ],
)
def test_a_reset_counts_the_new_value(value: float, start: int, increase: float) -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(1, value, start=start) == pytest.approx([increase])


def test_a_counter_that_was_away_for_a_few_scrapes_goes_on() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(FORGET_AFTER_SCRAPES, 17.0) == [7.0]


def test_a_counter_that_was_away_for_longer_begins_anew() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(FORGET_AFTER_SCRAPES + 1, 17.0) == [0.0]


def test_two_points_of_one_counter_in_a_scrape_count_one_after_the_other() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    assert counter.see(1, 11.0, 13.0) == [1.0, 2.0]
    assert counter.see(2, 13.5) == [0.5]


def test_a_forgotten_counter_is_new() -> None:
    counter = Counter()
    counter.see(0, 10.0)
    counter.increases.forget(np.array([0, 7_000]))
    assert counter.see(1, 17.0) == [0.0]


def test_nothing_in_nothing_out() -> None:
    assert Counter().see(0) == []


class Host:
    """Counters of several processes, scrape by scrape; the scrapes lie a second apart."""

    def __init__(self, *starts: int) -> None:
        self.increases = Increases()
        self.starts = np.array(starts)
        self.processes = np.arange(len(starts))

    def see(
        self, scrape: int, *values: float, later: int = 0, start_shift: int | None = None
    ) -> list[float]:
        found: list[float] = self.increases.advance(
            np.arange(len(values)),
            np.array(values),
            self.starts[: len(values)] + later,
            np.full(len(values), TICK),
            self.processes[: len(values)],
            scrape=scrape,
            previous_started=NOON + (scrape - 1) * SECOND if scrape else None,
            start_shift=start_shift,
        ).tolist()
        return found


OLD, SHIFT = NOON - 3600 * SECOND, 650_000_000


BOTH_WAYS = pytest.mark.parametrize("shift", [SHIFT, -SHIFT], ids=["ahead", "back"])


@BOTH_WAYS
def test_a_correction_of_all_start_times_is_no_reset(shift: int) -> None:
    host = Host(OLD, OLD + 7, OLD + 9)
    host.see(0, 10.0, 20.0, 30.0)
    assert host.see(1, 11.0, 20.5, 30.0, later=shift) == pytest.approx([1.0, 0.5, 0.0])
    assert host.increases.start_shift == shift
    assert host.see(2, 12.0, 20.5, 31.0, later=shift) == pytest.approx([1.0, 0.0, 1.0])
    assert host.increases.start_shift == 0


@BOTH_WAYS
def test_beside_a_correction_a_process_that_began_anew_is_one(shift: int) -> None:
    host = Host(OLD, OLD, OLD)
    host.see(0, 10.0, 20.0, 30.0)
    host.starts[2] += SECOND  # the pid's next owner, which did more at once
    assert host.see(1, 11.0, 21.0, 31.0, later=shift) == pytest.approx([1.0, 1.0, 31.0])


def test_a_correction_back_does_not_hide_who_began_later_by_less() -> None:
    host = Host(OLD, OLD, OLD)
    host.see(0, 10.0, 20.0, 30.0)
    host.starts[2] += SHIFT // 2  # earlier than before, and later than all others' starts went
    assert host.see(1, 11.0, 21.0, 31.0, later=-SHIFT) == pytest.approx([1.0, 1.0, 31.0])


def test_a_correction_is_the_median_over_processes_however_many_counters_each_has() -> None:
    host = Host(OLD, OLD, OLD, OLD, OLD)
    host.processes = np.array(
        [0, 0, 0, 1, 2]
    )  # the first is another's pid now, the others were corrected
    host.see(0, 10.0, 10.0, 10.0, 20.0, 30.0)
    host.starts[:3] += 60 * SECOND
    seen = host.see(1, 11.0, 11.0, 11.0, 21.0, 31.0, later=SHIFT)
    assert host.increases.start_shift == SHIFT
    assert seen == pytest.approx([11.0, 11.0, 11.0, 1.0, 1.0])


def test_counters_of_no_single_process_tell_no_correction() -> None:
    host = Host(OLD, OLD)
    host.processes = np.array([-1, -1])
    host.see(0, 10.0, 20.0)
    assert host.see(1, 11.0, 21.0, later=SHIFT) == pytest.approx([11.0, 21.0])
    assert host.increases.start_shift == 0


@BOTH_WAYS
def test_counters_without_a_start_time_are_not_restarted_by_a_correction(shift: int) -> None:
    host = Host(OLD, OLD, 0)
    host.see(0, 10.0, 20.0, 30.0)
    host.starts[2] = -shift  # so that it stays 0: unknown
    assert host.see(1, 11.0, 21.0, 31.0, later=shift) == pytest.approx([1.0, 1.0, 1.0])


def test_two_points_of_one_scrape_are_of_one_clock() -> None:
    increases = Increases()

    def see(scrape: int, values: list[float], start: int) -> list[float]:
        found: list[float] = increases.advance(
            np.array([0, 1, 1]),
            np.array(values),
            np.full(3, start),
            np.full(3, TICK),
            np.array([0, 1, 1]),
            scrape=scrape,
            previous_started=NOON + (scrape - 1) * SECOND if scrape else None,
        ).tolist()
        return found

    see(0, [10.0, 20.0, 21.0], OLD)
    assert see(1, [11.0, 22.0, 24.0], OLD - SHIFT) == pytest.approx([1.0, 1.0, 2.0])


def test_a_variants_own_start_is_not_restarted_by_a_correction_back() -> None:
    output = Host(OLD, NOON - 60 * SECOND)
    output.see(0, 10.0, 20.0, start_shift=0)
    output.starts[1] += SHIFT  # the second one's start is the variant's, which nothing corrects
    assert output.see(1, 11.0, 21.0, later=-SHIFT, start_shift=-SHIFT) == pytest.approx([1.0, 1.0])


def test_processes_born_since_the_last_scrape_correct_nobodys_start() -> None:
    host = Host(OLD, OLD, OLD)
    host.see(0, 10.0, 20.0, 30.0)
    host.starts[1:] = NOON + SECOND // 2  # two of three pids are reused
    assert host.see(1, 11.0, 21.0, 31.0) == pytest.approx([1.0, 21.0, 31.0])
    assert host.increases.start_shift == 0


def test_an_output_is_told_the_correction_that_its_few_processes_cannot_show() -> None:
    output = Host(OLD, OLD)
    output.see(0, 10.0, 20.0, start_shift=0)
    output.starts[0] = NOON  # re-based by the variant: begins at the scrape before
    told = output.see(1, 1.0, 21.0, later=SHIFT, start_shift=SHIFT)
    assert told == pytest.approx([1.0, 1.0])
    assert output.see(2, later=0, start_shift=0) == []
