"""The decision on a real host: its scrapes at 1 s, and what three candidates make of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.unit.analysis.simulation import Runs, stop_times

_RECORDING = Path(__file__).with_name("host_1s.csv")

Seen = Callable[[str, object], None]


def recorded(candidate: str) -> Runs:
    """A real host's scrapes at 1 s, shapes [1, scrapes]."""
    table = np.genfromtxt(_RECORDING, delimiter=",", names=True, skip_header=1)
    return Runs(table["baseline"][None, :], table[candidate][None, :])


CANDIDATES = ["priority_filter", "top20_and_other", "by_executable_name"]


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_real_host_is_decided_after_some_430_scrapes(
    candidate: str, record_property: Seen
) -> None:
    stopped = int(stop_times(recorded(candidate), tested=0.7).stopped[0])
    record_property("must", "within 430 scrapes")
    record_property("seen", f"{stopped} scrapes")
    assert 0 < stopped <= 430, f"seen {stopped} scrapes"


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_no_window_of_a_real_host_contradicts_its_true_ratio(
    candidate: str, record_property: Seen
) -> None:
    whole, scrapes = recorded(candidate), 778
    starts = [85 * number for number in range(13)]
    windows = Runs(
        np.concatenate([whole.baseline[:, start : start + scrapes] for start in starts]),
        np.concatenate([whole.candidate[:, start : start + scrapes] for start in starts]),
    )
    truth = float(whole.candidate.mean() / whole.baseline.mean())
    decisions = int((stop_times(windows, tested=truth).stopped > 0).sum())
    record_property("must", "no decision at the true ratio")
    record_property("seen", f"{decisions} of {len(starts)} windows")
    assert decisions == 0, f"seen {decisions} of {len(starts)} windows"
