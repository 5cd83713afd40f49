import json
from datetime import UTC, datetime
from typing import Any

import pytest

from phoenix_platform.analysis import ledgers
from phoenix_platform.analysis.ledgers import Ledger, Rank, host_name, pattern_of
from phoenix_platform.core.errors import InvalidInputError


def a_line(**changes: Any) -> bytes:
    entry: dict[str, Any] = {
        "time": "2026-11-25T10:12:01.342631228Z",
        "host": {"host.name": "web-1", "os.type": "linux"},
        "name": "backup.sh",
        "pid": 7,
        "started": "2026-11-25T03:56:00.3Z",
        "kept": False,
        "bucket": "_other",
        "rule": "rest",
        "level": 0,
        "rss_bytes": 100.0,
    }
    entry |= changes
    return (
        json.dumps({key: value for key, value in entry.items() if value is not None}).encode()
        + b"\n"
    )


def ledger_of(*lines: bytes, pattern: str = "backup.sh", host: str | None = None) -> Ledger:
    ledger = Ledger(pattern_of(pattern), host=host)
    ledger.take(lines)
    return ledger


def test_the_last_entry_of_a_process_says_where_it_is() -> None:
    ledger = ledger_of(
        a_line(),
        a_line(
            time="2026-11-25T10:13:00Z", kept=True, bucket=None, rule="top_k_cpu", cpu_cores=0.5
        ),
        a_line(pid=8, name="other"),
    )
    (place,) = ledger.found()
    assert (place.is_kept, place.bucket, place.rule, place.moves) == (True, "", "top_k_cpu", 2)
    assert place.since == datetime(2026, 11, 25, 10, 13, tzinfo=UTC)
    assert (place.cpu_cores, place.rss_bytes, place.io_bytes_per_second) == (0.5, 100.0, None)
    assert ledger.entries == 3
    assert ledger.names == {"backup.sh", "other"}


def test_ranks_are_those_of_the_last_entry_and_old_entries_have_none() -> None:
    ranks = {"cpu": {"rank": 12, "k": 10}, "rss": {"k": 5}}
    (place,) = ledger_of(a_line(), a_line(ranks=ranks)).found()
    assert place.ranks == {"cpu": Rank(k=10, rank=12), "rss": Rank(k=5)}
    (place,) = ledger_of(a_line()).found()
    assert place.ranks == {}


def test_a_process_id_that_came_again_is_another_process() -> None:
    ledger = ledger_of(
        a_line(), a_line(started="2026-11-25T10:00:00Z"), a_line(host={"host.name": "b"})
    )
    assert [(place.host, place.moves) for place in ledger.found()] == [
        ("b", 1),
        ("web-1", 1),
        ("web-1", 1),
    ]


@pytest.mark.parametrize("host", ["web-1", "linux"])
def test_a_host_is_asked_for_by_any_of_its_attributes(host: str) -> None:
    ledger = ledger_of(a_line(), a_line(host={"host.name": "b"}), host=host)
    assert [place.host for place in ledger.found()] == ["web-1"]
    assert ledger.hosts == {"web-1", "b"}


def test_a_change_of_level_is_remembered_by_host() -> None:
    ledger = ledger_of(
        a_line(name=None, pid=None, rule="level busy", level=1),
        a_line(name=None, pid=None, rule="strange"),
    )
    assert ledger.levels == {"web-1": "busy"}
    assert ledger.found() == ()
    assert ledger.names == set()


def test_a_torn_last_line_is_left_out_and_said() -> None:
    ledger = ledger_of(a_line(), b"\n", a_line()[:40])
    assert (ledger.entries, ledger.broken_lines, ledger.is_torn) == (1, 0, True)


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"\xff\xfe\n", b"no json\n", b'{"time": 5}\n'])
def test_a_line_that_is_no_entry_is_counted(line: bytes) -> None:
    ledger = ledger_of(line, a_line())
    assert (ledger.entries, ledger.broken_lines, ledger.is_torn) == (1, 1, False)


def test_of_very_many_processes_those_that_changed_last_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledgers, "MOST_PLACES", 2)
    monkeypatch.setattr(ledgers, "MOST_NAMES", 1)
    ledger = ledger_of(*(a_line(pid=pid) for pid in (1, 2, 1, 3)), a_line(name="x"))
    assert [place.pid for place in ledger.found()] == [3, 1]
    assert ledger.forgotten == 1
    assert ledger.names == {"backup.sh"}


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"host.name": "a", "b": "c"}, "a"),
        ({"host.id": 5, "cloud": "x"}, "cloud=x, host.id=5"),
        ({}, "(host without attributes)"),
    ],
)
def test_a_host_is_called_by_its_name_or_by_all_that_is_known(
    attributes: dict[str, Any], name: str
) -> None:
    assert host_name(attributes) == name


@pytest.mark.parametrize("pattern", ["backup.sh", "back*", "/^backup/", "name:backup.sh"])
def test_patterns_are_those_of_everywhere(pattern: str) -> None:
    assert len(ledger_of(a_line(), pattern=pattern).found()) == 1


@pytest.mark.parametrize("pattern", ["owner:root", "command_line:*secret*"])
def test_what_a_ledger_does_not_record_cannot_be_asked_for(pattern: str) -> None:
    with pytest.raises(InvalidInputError, match="which a ledger does not record; name executables"):
        pattern_of(pattern)
