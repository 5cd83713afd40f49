"""What crosses between a command, its supervisor and the simulated processes."""

import pytest

from phoenix_platform.agent.load.profiles import CHUNK_BYTES
from phoenix_platform.agent.load.reports import LoadReport, Stage
from phoenix_platform.agent.load.schedules import Life, Work
from phoenix_platform.agent.load.shells import commands_of, private_bytes_of


def test_a_report_reads_back_the_same() -> None:
    report = LoadReport(stage=Stage.RUNNING, elapsed_seconds=1.5, processes=7, lives=9, reason="x")
    assert LoadReport.from_line(report.to_line()) == report
    assert report.to_line().endswith(b"}\n")


@pytest.mark.parametrize(
    ("work", "granted", "commands"),
    [
        pytest.param((0.2, 3, 20, 5), 0.2, "mem 3; rd 2; wr 5 phx-db-4.out; cpu 200\n", id="all"),
        pytest.param((0.2, 3, 0, 0), 0.0, "mem 3\n", id="no-cpu-granted"),
        pytest.param((0.0, 0, 0, 0), 0.0, "", id="nothing"),
    ],
)
def test_work_is_told_as_commands(
    work: tuple[float, int, int, int], granted: float, commands: str
) -> None:
    cpu, chunks, read, write = work
    told = Work(
        1.0,
        Life("phx-db", 4, 0),
        cpu_seconds=cpu,
        memory_chunks=chunks,
        read_kib=read,
        write_kib=write,
    )
    assert commands_of(told, loops_per_second=1000, cpu_seconds=granted) == commands


def test_a_shell_that_holds_memory_keeps_one_chunk_more_to_copy_from() -> None:
    assert private_bytes_of(0) == 0
    assert private_bytes_of(3) == 4 * CHUNK_BYTES
