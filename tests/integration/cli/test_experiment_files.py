"""Experiment files on a disk: mistakes are told with their line."""

from pathlib import Path

import pytest

from phoenix_platform.cli.experiments.files import read_experiment
from phoenix_platform.core.errors import InvalidInputError, NotFoundError

GOOD = "name: topk\ncandidate: process-topk-v1\ninterval: 1s\nstarts_at: 2026-01-31T08:00:00Z\n"


def test_what_is_said_on_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "experiment.yaml"
    file.write_text(GOOD)
    read = read_experiment(file, {"name": "another"})
    assert (read.name, read.candidate) == ("another", "process-topk-v1")
    assert read.interval.total_seconds() == 1
    assert read.starts_at is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"experiment\.yaml"),
        ("- name: topk\n", "no fields"),
        (f"{GOOD}interval: 2s\n", "interval"),
        (GOOD.replace("1s", "soon"), r"experiment\.yaml:3:1: interval: "),
        (GOOD.replace("interval: 1s", "critical: nginx"), r"experiment\.yaml:3:1: critical: "),
        (GOOD.replace("interval", "intervall"), "intervall"),
    ],
    ids=["empty", "list", "twice", "duration", "kind", "unknown"],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "experiment.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInputError, match=words):
        read_experiment(file, {})


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        read_experiment(tmp_path / "missing.yaml", {})
    broken = tmp_path / "broken.yaml"
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_experiment(broken, {})
