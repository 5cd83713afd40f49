"""Who is to blame when nothing comes out."""

from dataclasses import replace

from tests.unit.cli.snapshots import a_run

from phoenix_platform.cli.trial.endings import is_held_up
from phoenix_platform.metering.samples import Variant


def test_when_the_baseline_lets_nothing_out_either_the_candidate_is_not_to_blame() -> None:
    samples = a_run(5)
    assert not is_held_up(samples)
    assert is_held_up([replace(one, output_points=0) for one in samples])
    candidate_only = [
        replace(one, output_points=0) if one.variant is Variant.CANDIDATE else one
        for one in samples
    ]
    assert not is_held_up(candidate_only)


def test_two_empty_intervals_say_nothing() -> None:
    assert not is_held_up([replace(one, output_points=0) for one in a_run(2)])
