"""What `phoenix doctor` finds on hosts that lack something."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from phoenix_platform.agent.diagnoses import Diagnosis, Outcome, diagnose
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.core.clock import Clock, SystemClock


def finding_of(
    check: str, *, settings: AgentSettings | None = None, clock: Clock | None = None
) -> Diagnosis:
    found = diagnose(None, settings or AgentSettings(), clock or SystemClock())
    return next(one for one in reversed(found) if one.check == check)


@dataclass
class JumpingClock:
    """A wall clock that jumps by a second each time it is read."""

    readings: Iterator[int] = field(default_factory=lambda: itertools.count(0, 10**9))

    def now(self) -> datetime:
        return datetime.fromtimestamp(0, tz=UTC)

    def unix_nano(self) -> int:
        return next(self.readings)

    def monotonic(self) -> float:
        return 0.0


def a_collector(path: Path) -> Path:
    path.write_text(
        "#!/bin/sh\ncase $1 in --version) echo otelcol-x version 1.2.3;; *) echo 'receivers: [{name: otlp}]';; esac\n"
    )
    path.chmod(0o755)
    return path


@pytest.mark.collector
def test_on_a_host_that_is_set_up_nothing_fails() -> None:
    found = diagnose(None, AgentSettings(), SystemClock())
    assert [one for one in found if one.outcome is Outcome.FAIL] == []
    assert all((one.fix is None) == (one.outcome is Outcome.OK) for one in found)


def test_a_collector_that_is_missing_fails_with_the_ways_to_get_one(tmp_path: Path) -> None:
    found = finding_of("collector", settings=AgentSettings(collector=tmp_path / "gone"))
    assert found.outcome is Outcome.FAIL
    assert found.finding.endswith("gone does not exist")
    assert found.fix is not None
    assert "make collector" in found.fix


def test_what_a_collector_lacks_is_named(tmp_path: Path) -> None:
    settings = AgentSettings(collector=a_collector(tmp_path / "otelcol"))
    found = finding_of("collector's components", settings=settings)
    assert found.outcome is Outcome.WARN
    assert "receiver host_metrics" in found.finding
    assert "receiver otlp" not in found.finding


def test_a_clock_that_jumps_is_a_warning() -> None:
    found = finding_of("clock", clock=JumpingClock())
    assert found.outcome is Outcome.WARN
    assert "jumped by 1.000 s" in found.finding


def test_too_little_room_is_named_with_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phoenix_platform.agent.diagnoses._TEMP_BYTES", 2**60)
    found = finding_of("temporary folder")
    assert found.outcome is Outcome.FAIL
    assert "1048576 TiB are needed" in found.finding
    assert found.fix == "make room, or set TMPDIR"


def test_a_low_limit_of_open_files_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phoenix_platform.agent.diagnoses._OPEN_FILES", 2**40)
    found = finding_of("open files")
    assert found.outcome is Outcome.WARN
    assert str(found.fix).startswith("ulimit -n ")


def test_more_ports_than_there_are_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phoenix_platform.agent.diagnoses.LOOPBACK", "203.0.113.1")
    monkeypatch.setattr("phoenix_platform.agent.ports.LOOPBACK", "203.0.113.1")
    found = finding_of("ports")
    assert found.outcome is Outcome.FAIL
    assert "203.0.113.1" in found.finding
