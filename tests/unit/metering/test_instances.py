import pytest

from phoenix_platform.metering import instances
from phoenix_platform.metering.counters import CounterNumbers
from phoenix_platform.metering.instances import OTHER_NAMES, Instance, NameLoss, NameLosses
from phoenix_platform.metering.samples import Variant

DB, JOB, JOB_2 = Instance(1, "db"), Instance(2, "job"), Instance(3, "job")


class Streams:
    """The raw stream and one output, as sets of instances."""

    def __init__(self) -> None:
        self.raw, self.output = CounterNumbers(), CounterNumbers()
        self.losses = NameLosses(self.raw, {Variant.CANDIDATE: self.output})

    def leave_raw(self, instance: Instance) -> None:
        _end(self.raw, instance)
        self.losses.raw_lost([instance])

    def leave_output(self, instance: Instance) -> None:
        _end(self.output, instance)
        self.losses.output_lost(Variant.CANDIDATE, [instance])

    def seen(self) -> dict[str, tuple[int, int]]:
        return {
            loss.name: (loss.processes, loss.visible[Variant.CANDIDATE])
            for loss in self.losses.losses()
        }


def _end(numbers: CounterNumbers, instance: Instance) -> None:
    number, _ = numbers.claim(instance)
    while not numbers.release(number):
        pass


@pytest.fixture
def streams() -> Streams:
    streams = Streams()
    for instance in (DB, JOB, JOB_2):
        streams.raw.claim(instance)
    streams.output.claim(JOB)
    return streams


def test_what_is_there_counts_and_who_lost_most_comes_first(streams: Streams) -> None:
    assert streams.seen() == {"db": (1, 0), "job": (2, 1)}
    assert streams.losses.losses()[0] == NameLoss("db", 1, {Variant.CANDIDATE: 0})


def test_what_left_the_raw_stream_still_counts(streams: Streams) -> None:
    streams.leave_raw(JOB)
    assert streams.seen() == {"db": (1, 0), "job": (2, 1)}


def test_a_process_that_an_output_showed_once_stays_shown_and_counts_once(
    streams: Streams,
) -> None:
    for _ in range(3):
        streams.leave_output(JOB)
        streams.output.claim(JOB)
    streams.leave_output(JOB)
    assert streams.seen()["job"] == (2, 1)
    streams.leave_raw(JOB)
    assert streams.seen()["job"] == (2, 1)
    streams.raw.claim(JOB)  # the process id came back long after, and is not shown
    assert streams.seen()["job"] == (3, 1)


def test_what_only_an_output_names_is_no_loss(streams: Streams) -> None:
    streams.leave_output(Instance(9, "stranger"))
    assert set(streams.seen()) == {"db", "job"}


def test_names_beyond_the_limit_are_counted_together(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "MOST_NAMES", 2)
    for pid in range(10, 15):
        streams.raw.claim(Instance(pid, f"random-{pid}"))
    assert streams.seen() == {"db": (1, 0), "job": (2, 1), OTHER_NAMES: (5, 0)}
