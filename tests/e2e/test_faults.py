"""Whatever breaks, a trial ends by itself, says what broke, and leaves nothing behind."""

import re
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.e2e.fault_outcomes import Bench
from tests.e2e.faults import FAULTS, Fault

from phoenix_platform.agent.binaries import CollectorBinary

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def bench(tmp_path: Path, collector: CollectorBinary) -> Generator[Bench]:
    bench = Bench(tmp_path, collector.path)
    yield bench
    bench.end_all()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.id, marks=[pytest.mark.slow] if fault.is_slow else [])
        for fault in FAULTS
    ],
)
def test_a_fault_has_a_clear_outcome_and_leaves_nothing(fault: Fault, bench: Bench) -> None:
    outcome = fault.happens(bench)
    assert outcome.code == fault.code, outcome
    assert re.search(fault.message, outcome.message), outcome
    assert bool(outcome.log_lines) == fault.has_log_lines, outcome
    assert not outcome.leftovers, outcome
    assert not outcome.has_traceback, outcome
