import math

import numpy as np
import pytest

from phoenix_platform.metering.processes import UNNAMED, Process
from phoenix_platform.metering.visibility import Named, Uses, group_names, signal_uses


def a_process(pid: int | None, name: str) -> Process:
    return Process({"process.executable.name": name}, pid, name, is_critical=False)


def uses(cpu: dict[tuple[int, str], float], *, signal: str = "cpu") -> Uses:
    processes = [a_process(pid, name) for pid, name in cpu]
    pids = np.array([pid for pid, _ in cpu], np.int64)
    return Uses(processes, pids, {signal: np.array(list(cpu.values()))})


def named(*pids: int, names: tuple[str, ...] = ()) -> Named:
    return Named(np.array(pids, np.int64), frozenset(names))


def test_what_keeps_its_process_id_is_named_and_the_rest_is_one() -> None:
    seen = signal_uses([uses({(1, "a"): 2.0, (2, "b"): 1.0, (3, "c"): 1.0})])["cpu"].visibility(
        named(1)
    )
    assert (seen.raw, seen.named, seen.top, seen.top_named) == (4.0, 2.0, 3, 1)
    assert seen.effective_raw == pytest.approx(math.exp(1.5 * math.log(2)))
    assert seen.effective_named == pytest.approx(2.0)


def test_a_group_with_its_executable_name_keeps_a_process_named() -> None:
    use = signal_uses([uses({(1, "a"): 2.0, (2, "a"): 1.0, (3, "c"): 1.0})])["cpu"]
    assert use.visibility(named(names=("a", "_other"))).named == 3.0


def test_only_the_ten_that_used_most_are_the_top_and_equal_ones_go_by_process_id() -> None:
    use = signal_uses([uses({(pid, "x"): 1.0 for pid in range(20, 0, -1)})])["cpu"]
    assert use.visibility(named(*range(1, 6))).top_named == 5
    assert use.visibility(named(*range(11, 21))).top_named == 0


def test_without_any_use_there_is_no_top_and_no_effective_number() -> None:
    seen = signal_uses([uses({(1, "a"): 0.0})])["cpu"].visibility(named(1))
    assert (seen.top, seen.effective_raw, seen.effective_named) == (0, 0.0, 0.0)


def test_a_signal_that_no_scrape_holds_is_not_there() -> None:
    assert set(signal_uses([uses({(1, "a"): 1.0})])) == {"cpu"}
    assert not signal_uses([])


def test_over_several_scrapes_work_adds_up_and_of_a_state_the_last_stands() -> None:
    first, second = {(1, "a"): 1.0, (2, "b"): 2.0}, {(1, "a"): 4.0, (2, "reborn"): 8.0}
    cpu = signal_uses([uses(first), uses(second)])["cpu"]
    assert dict(zip(cpu.names, cpu.values.tolist(), strict=True)) == {
        "a": 5.0,
        "b": 2.0,
        "reborn": 8.0,
    }
    rss = signal_uses([uses(first, signal="rss"), uses(second, signal="rss"), uses(first)])["rss"]
    assert rss.values.tolist() == [4.0, 8.0]


def test_a_group_without_an_executable_name_names_nobody() -> None:
    assert group_names([a_process(None, UNNAMED), a_process(None, "db")]) == {"db"}
