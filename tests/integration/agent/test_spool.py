"""The spool on a real disk, with what a `kill -9` and a full disk leave."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phoenix_platform.agent.spool import Spool
from phoenix_platform.core.clock import FixedClock
from phoenix_platform.core.errors import UnavailableError

MOST = 1024**2


def a_spool(folder: Path, *, max_bytes: int = MOST) -> Spool:
    return Spool(folder, clock=FixedClock(), max_bytes=max_bytes)


def payloads(spool: Spool) -> list[bytes]:
    return [entry.payload for entry in spool.read(max_bytes=2**40)]


def test_what_was_appended_is_read_in_its_order_until_it_is_acknowledged(tmp_path: Path) -> None:
    spool = a_spool(tmp_path)
    for number in range(5):
        assert spool.append(b"%d" % number, samples=2)
    assert payloads(spool) == [b"0", b"1", b"2", b"3", b"4"]
    assert spool.waiting_samples == 10
    assert spool.oldest_unix_nano == FixedClock().unix_nano()
    spool.acknowledge(spool.read(max_bytes=2)[1])
    assert payloads(spool) == [b"2", b"3", b"4"]
    assert spool.waiting_samples == 6


def test_at_least_one_record_is_read_however_small_the_limit(tmp_path: Path) -> None:
    spool = a_spool(tmp_path)
    spool.append(b"x" * 100, samples=1)
    assert len(spool.read(max_bytes=1)) == 1
    assert not a_spool(tmp_path / "empty").read(max_bytes=1)


def test_a_later_process_finds_what_was_not_acknowledged(tmp_path: Path) -> None:
    first = a_spool(tmp_path)
    for number in range(4):
        first.append(b"%d" % number, samples=3)
    first.acknowledge(first.read(max_bytes=1)[0])
    first.close()
    second = a_spool(tmp_path)
    assert payloads(second) == [b"1", b"2", b"3"]
    assert second.waiting_samples == 9
    second.append(b"4", samples=1)
    third = a_spool(tmp_path)
    assert payloads(third) == [b"1", b"2", b"3", b"4"]
    third.acknowledge(third.read(max_bytes=2**20)[-1])
    assert third.waiting_bytes == third.waiting_samples == 0
    assert third.oldest_unix_nano is None


@pytest.mark.parametrize("cut", [1, 10, 25])
def test_a_half_written_record_is_left_out_and_counted_and_the_rest_stays(
    tmp_path: Path, cut: int
) -> None:
    first = a_spool(tmp_path)
    first.append(b"whole", samples=1)
    first.append(b"torn", samples=1)
    (segment,) = tmp_path.glob("*.spool")
    os.truncate(segment, segment.stat().st_size - cut)
    second = a_spool(tmp_path)
    assert payloads(second) == [b"whole"]
    assert second.damaged_segments == 1
    second.append(b"later", samples=1)
    assert payloads(a_spool(tmp_path)) == [b"whole", b"later"]


def test_a_flipped_bit_ends_the_segment_and_nothing_wrong_is_read(tmp_path: Path) -> None:
    first = a_spool(tmp_path)
    for word in (b"one", b"two", b"three"):
        first.append(word, samples=1)
    (segment,) = tmp_path.glob("*.spool")
    content = bytearray(segment.read_bytes())
    content[content.index(b"two")] ^= 1
    segment.write_bytes(content)
    assert payloads(a_spool(tmp_path)) == [b"one"]


def test_the_oldest_goes_first_when_it_is_full_and_its_samples_are_counted(tmp_path: Path) -> None:
    spool = a_spool(tmp_path, max_bytes=64 * 1024)
    for number in range(300):
        spool.append(b"%04d" % number + b"x" * 1000, samples=2)
    kept = [int(payload[:4]) for payload in payloads(spool)]
    assert kept == list(range(kept[0], 300))
    assert spool.dropped_samples == 2 * kept[0] > 0
    assert spool.waiting_bytes <= 64 * 1024
    assert sum(path.stat().st_size for path in tmp_path.glob("*.spool")) <= 64 * 1024 + 16 * 1024
    assert a_spool(tmp_path, max_bytes=64 * 1024).dropped_samples == 2 * kept[0]


def test_acknowledged_samples_of_a_dropped_segment_are_not_counted_as_dropped(
    tmp_path: Path,
) -> None:
    spool = a_spool(tmp_path, max_bytes=64 * 1024)
    spool.append(b"x" * 1000, samples=7)
    spool.acknowledge(spool.read(max_bytes=1)[0])
    appended = 0
    while not spool.dropped_samples:
        spool.append(b"x" * 1000, samples=1)
        appended += 1
    assert spool.dropped_samples + spool.waiting_samples == appended


def test_what_is_refused_for_good_is_counted(tmp_path: Path) -> None:
    spool = a_spool(tmp_path)
    spool.append(b"poison", samples=4)
    spool.acknowledge(spool.read(max_bytes=1)[0], refused=True)
    assert (spool.waiting_samples, spool.refused_samples) == (0, 4)
    assert a_spool(tmp_path).refused_samples == 4


def test_a_full_disk_costs_the_newest_samples_and_nothing_else(tmp_path: Path) -> None:
    spool = a_spool(tmp_path)
    spool.append(b"before", samples=1)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        assert not spool.append(os.urandom(5000), samples=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert spool.append(b"after", samples=1)
    assert payloads(spool) == [b"before", b"after"]
    assert spool.dropped_samples == 3
    assert a_spool(tmp_path).damaged_segments == 0


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="file/spool"):
        a_spool(tmp_path / "file" / "spool")


WRITER = """
import os, sys
from pathlib import Path
from phoenix_platform.agent.spool import Spool
from phoenix_platform.core.clock import SystemClock
spool = Spool(Path(sys.argv[1]), clock=SystemClock(), max_bytes=2**30)
number = int(sys.argv[2])
while True:
    spool.append(b"%08d" % number + os.urandom(3000), samples=1)
    number += 1
    if number % 50 == 0:
        print(number, flush=True)
"""


@pytest.mark.timeout(120)
def test_after_kill_9_in_the_middle_of_writing_every_whole_record_is_there_once(
    tmp_path: Path,
) -> None:
    number = 0
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            said = int(writer.stdout.readline())
            writer.kill()
        spool = a_spool(tmp_path, max_bytes=2**30)
        numbers = [int(payload[:8]) for payload in payloads(spool)]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= said
        number = len(numbers)


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(0, 4000)),
            st.tuples(st.just("acknowledge"), st.integers(1, 6)),
            st.tuples(st.just("reopen"), st.just(0)),
        ),
        max_size=60,
    )
)
def test_it_holds_what_a_list_would_hold(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool, twin = a_spool(folder), list[bytes]()
    for number, (step, size) in enumerate(steps):
        match step:
            case "append":
                payload = b"%d " % number + b"x" * size
                spool.append(payload, samples=1)
                twin.append(payload)
            case "acknowledge":
                entries = spool.read(max_bytes=2**20)[:size]
                if entries:
                    spool.acknowledge(entries[-1])
                    del twin[: len(entries)]
            case _:
                spool = a_spool(folder)
        assert payloads(spool) == twin
        assert spool.waiting_samples == len(twin)
    spool.close()
