import json
from pathlib import Path

import pytest
from tests.unit.analysis.test_ledgers import a_line
from typer.testing import CliRunner, Result

from phoenix_platform.__main__ import build_app
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError


def why(*arguments: str | Path) -> Result:
    line = ["ledger", "why", *map(str, arguments)]
    return CliRunner().invoke(build_app(line), line, env={"COLUMNS": "200"})


def a_ledger(folder: Path, *lines: bytes, previous: bytes = b"") -> Path:
    path = folder / "ledger.jsonl"
    path.write_bytes(b"".join(lines))
    if previous:
        (folder / "ledger.jsonl.1").write_bytes(previous)
    return path


def test_a_process_in_a_sum_gets_the_changes_that_would_keep_it(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path, a_line(), a_line(pid=8, cpu_cores=0.25, rss_bytes=3000.0))
    shown = why("backup.sh", "--ledger", ledger, "--host", "web-1")
    assert "backup.sh (8, 7) on web-1" in shown.stdout
    assert "in _other" in shown.stdout
    assert "2026-11-25 10:12:01+00:00" in shown.stdout
    assert "0.25 cores, 2.9 KiB" in shown.stdout
    for line in ("critical: [backup.sh]", "rss_bytes: 3000", "cpu_cores: 0.25", "group_by: [process.executable.name]"):  # fmt: skip
        assert line in shown.stdout


def test_the_answer_is_data_too_and_reads_the_file_before(tmp_path: Path) -> None:
    ledger = a_ledger(
        tmp_path, a_line(kept=True, rule="critical backup*", bucket=None), previous=a_line()
    )
    answer = json.loads(why("back*", "--ledger", ledger, "-o", "json").stdout)
    assert answer["files"] == [f"{ledger}.1", str(ledger)]
    assert (answer["entries"], answer["changes"], answer["is_torn"]) == (2, [], False)
    (place,) = answer["found"]
    assert (place["is_kept"], place["rule"], place["moves"]) == (True, "critical backup*", 2)


def test_only_the_file_before_is_enough(tmp_path: Path) -> None:
    (tmp_path / "l.1").write_bytes(a_line(kept=True, rule="top_k_io", level=2))
    shown = why("backup.sh", "--ledger", tmp_path / "l")
    assert "top_k_io (level 2)" in shown.stdout
    assert "what hides them comes after reduce" in shown.stdout


@pytest.mark.parametrize(
    ("rule", "line"),
    [("never_keep back*", "# remove: back*"), ("no_room", "max_processes: # above the default")],
)
def test_the_change_follows_from_the_rule(tmp_path: Path, rule: str, line: str) -> None:
    shown = why("backup.sh", "--ledger", a_ledger(tmp_path, a_line(rule=rule)))
    assert line in shown.stdout
    assert "thresholds" not in shown.stdout


def test_a_process_that_used_nothing_gets_no_threshold(tmp_path: Path) -> None:
    idle = a_line(rss_bytes=0.0, cpu_cores=0.0, io_bytes_per_second=0.0)
    shown = why("backup.sh", "--ledger", a_ledger(tmp_path, idle))
    assert "0 cores, 0 B, 0 B/s" in shown.stdout
    assert "thresholds" not in shown.stdout
    assert "top_k" in shown.stdout


def test_ranks_are_shown_and_say_which_k_would_keep_it(tmp_path: Path) -> None:
    near = a_line(ranks={"cpu": {"rank": 12, "k": 10}, "io": {"k": 3}})
    nearer = a_line(pid=8, ranks={"cpu": {"rank": 11, "k": 10}, "io": {"k": 3}})
    shown = why("backup.sh", "--ledger", a_ledger(tmp_path, nearer, near))
    assert "rank 11 by cpu (k 10); no rank near k 3 by io" in shown.stdout
    assert "  top_k:\n      cpu: 11" in shown.stdout
    assert "which k that takes is not known" not in shown.stdout


def test_a_ledger_without_ranks_says_that_the_k_is_not_known(tmp_path: Path) -> None:
    shown = why("backup.sh", "--ledger", a_ledger(tmp_path, a_line()))
    assert "which k that takes is not known" in shown.stdout
    assert "by cpu (k" not in shown.stdout


CONFIGURATION = """
receivers: {{host_metrics: {{scrapers: {{process: {{}}}}}}}}
processors: {{reduce: {reduce}}}
exporters: {{otlp_http: {{endpoint: "http://127.0.0.1:4318"}}}}
service:
  pipelines:
    metrics: {{receivers: [host_metrics], processors: [reduce], exporters: [otlp_http]}}
"""


def test_the_ledger_is_found_by_the_collectors_configuration(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path, a_line())
    configuration = tmp_path / "collector.yaml"
    reduce = f'{{ledger: {{path: "{ledger}", max_megabytes: 1}}}}'
    configuration.write_text(CONFIGURATION.format(reduce=reduce))
    shown = why("backup.sh", "--config", configuration, "--ledger", ledger, "-o", "json")
    assert json.loads(shown.stdout)["files"] == [str(ledger)]


def test_a_configuration_that_writes_no_ledger_and_no_ledger_at_all_say_so(tmp_path: Path) -> None:
    configuration = tmp_path / "collector.yaml"
    configuration.write_text(CONFIGURATION.format(reduce="{top_k: {cpu: 1}}"))
    without = why("backup.sh", "--config", configuration).exception
    assert isinstance(without, NotFoundError)
    assert "collector.yaml writes one; add ledger: {path, max_megabytes}" in str(without)
    nothing = why("backup.sh").exception
    assert isinstance(nothing, InvalidInputError)
    assert "give --ledger PATH, or --config" in str(nothing)


def test_an_unnamed_process_cannot_be_named_as_critical(tmp_path: Path) -> None:
    unnamed = a_line(name=None, rss_bytes=None)
    shown = why("/^$/", "--ledger", a_ledger(tmp_path, unnamed))
    assert "(unnamed) (7)" in shown.stdout
    assert "no data" in shown.stdout
    assert "critical" not in shown.stdout


def test_many_processes_are_one_row_and_many_rows_are_cut(tmp_path: Path) -> None:
    same = [a_line(pid=pid, time=f"2026-11-25T10:12:0{pid % 10}Z") for pid in range(1, 10)]
    others = [a_line(name=f"n{number}") for number in range(25)]
    shown = why("*", "--ledger", a_ledger(tmp_path, *others, *same))
    assert "backup.sh (9, 8, 7 and 6 more)" in shown.stdout
    assert "2026-11-25 10:12:01+00:00 to 2026-11-25 10:12:09+00:00" in shown.stdout
    assert "6 more processes of the pattern" in shown.stderr


def test_levels_torn_and_broken_lines_are_said(tmp_path: Path) -> None:
    level = a_line(name=None, pid=None, rule="level busy", level=1)
    ledger = a_ledger(tmp_path, b"strange\n", level, a_line(), a_line()[:30])
    shown = why("backup.sh", "--ledger", ledger)
    assert "adaptive level of web-1: busy" in shown.stdout
    assert "only begun" in shown.stderr
    assert "1 lines that are no entries" in shown.stderr


def test_who_was_never_seen_is_not_found_with_the_nearest_name(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path, a_line())
    answer = why("bakup.sh", "--ledger", ledger, "--host", "web-1").exception
    assert isinstance(answer, NotFoundError)
    assert "no process 'bakup.sh' on web-1 in 1 entries" in str(answer)
    assert "did you mean backup.sh?" in str(answer)
    assert "it was never seen" in str(why("zzz", "--ledger", ledger).exception)


def test_a_host_that_is_not_there_is_not_found_with_those_that_are(tmp_path: Path) -> None:
    answer = why("backup.sh", "--ledger", a_ledger(tmp_path, a_line()), "--host", "x").exception
    assert isinstance(answer, NotFoundError)
    assert "no entry of 'x'" in str(answer)
    assert "there are web-1" in str(answer)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", NotFoundError, "has recorded no change yet"),
        (b"not\na ledger\n", InvalidInputError, "is this a ledger of reduce"),
    ],
)
def test_a_file_without_entries_says_so(
    tmp_path: Path, content: bytes, error: type[Exception], message: str
) -> None:
    answer = why("a", "--ledger", a_ledger(tmp_path, content)).exception
    assert isinstance(answer, error)
    assert message in str(answer)


def test_no_file_a_folder_and_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = why("a", "--ledger", tmp_path / "none").exception
    assert isinstance(missing, NotFoundError)
    assert "ledger: {path, max_megabytes}" in str(missing)
    folder = why("a", "--ledger", tmp_path).exception
    assert isinstance(folder, InvalidInputError)
    # A file of /proc that even root cannot read stands for one without permission.
    unreadable = why("a", "--ledger", "/proc/self/mem").exception
    assert isinstance(unreadable, UnavailableError)
    assert "cannot read /proc/self/mem" in str(unreadable)
