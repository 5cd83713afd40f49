from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.e2e.programs import Program, record_of

from phoenix_platform.agent.binaries import CollectorBinary

pytestmark = pytest.mark.timeout(120)


def test_a_trial_is_priced_with_the_chosen_book_and_its_record_can_be_priced_again(
    tmp_path: Path, collector: CollectorBinary
) -> None:
    program = Program(tmp_path).start(
        *("trial", "--collector", str(collector.path), "--interval", "1s", "--max-host-cpu", "90%"),
        *("--candidate", "process-aggregated-stock-v1", "--max-duration", "10s"),
        *("--prices", "new-relic", "--hosts", "3", "--record", "record.json"),
        COLUMNS="200",
    )
    program.wait(90)
    assert "Cost a month: New Relic (measured" in program.stdout, program.stderr
    assert "multiplied from 1 host to 3 hosts" in program.stdout
    record: Any = record_of(tmp_path / "record.json")
    assert record["plan"]["objective"] == "bytes"
    (recorded,) = record["costs"]
    units = recorded["tariffs"][0]["variants"]["baseline"]["units"]
    assert int(units["low"]) < int(units["likely"]) < int(units["high"])

    program.start("prices", "estimate", "record.json", "--prices", "new-relic", "-o", "json")
    assert program.wait(60) == 0, program.stderr
    (again,) = msgspec.json.decode(program.stdout)
    assert again["book"] == recorded["book"]
    of_one_host = again["tariffs"][0]["variants"]["baseline"]["units"]
    assert abs(3 * int(of_one_host["likely"]) - int(units["likely"])) <= 2
