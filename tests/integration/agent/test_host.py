"""Facts about the host, from the real /proc and from a made-up one."""

from pathlib import Path

from phoenix_platform.agent.host import Processes, count_processes, read_host


def test_this_host_has_a_name_processors_and_memory() -> None:
    host = read_host()
    assert host.name
    assert host.processors >= 1
    assert host.memory_bytes is not None
    assert host.memory_bytes > 2**26
    assert host.boot_id is not None


def test_what_the_kernel_does_not_say_is_no_data(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemFree: 5 kB\n")
    host = read_host(tmp_path)
    assert (host.memory_bytes, host.boot_id) == (None, None)


def test_every_process_here_is_counted() -> None:
    found = count_processes()
    assert found.total >= 2
    assert found.readable_share is not None
    assert 0 < found.readable_share <= 1


def test_a_process_that_has_just_ended_is_not_counted(tmp_path: Path) -> None:
    for name in ("1", "2", "self"):
        (tmp_path / name).mkdir()
    (tmp_path / "1" / "io").write_text("rchar: 1\n")
    assert count_processes(tmp_path) == Processes(total=1, unreadable_io=0)


def test_without_processes_there_is_no_share(tmp_path: Path) -> None:
    assert count_processes(tmp_path).readable_share is None
