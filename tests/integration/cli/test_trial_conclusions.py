"""The end of a trial: what its reader is told, whatever becomes of the files."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.analysis.certified import a_record
from tests.unit.cli.snapshots import a_final_judgement, a_run, a_snapshot, some_options

from phoenix_platform.cli.output import Output
from phoenix_platform.cli.trial.command import _conclude
from phoenix_platform.cli.trial.record import write_whole
from phoenix_platform.cli.trial.run import Outcome


def test_a_bug_in_making_the_report_does_not_take_the_verdict_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOENIX_DATA_DIRECTORY", str(tmp_path / "data"))
    samples = a_run(130)
    judgement = a_final_judgement(samples)
    outcome = Outcome(judgement, a_snapshot(samples, judgement), [], (), ())
    options = replace(some_options(), record=tmp_path / "trial.json")
    write_whole(options.record, a_record())
    no_file_name = tmp_path / "\0.html"  # nothing foresees it: stands for any bug
    with pytest.raises(ValueError, match="null"):
        _conclude(options, outcome, Output.TABLE, no_file_name)
    assert "PROMOTE" in capsys.readouterr().out
