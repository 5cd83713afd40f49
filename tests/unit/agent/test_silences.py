"""Who owes an answer for too long, and who is not to blame."""

from phoenix_platform.agent.silences import Silences

NOBODY: frozenset[str] = frozenset()
CANDIDATE = frozenset({"candidate"})


def after(
    silences: Silences, seconds: int, answers: int, owing: frozenset[str] = CANDIDATE
) -> None:
    """Tick twice a second for that long, with the same number of answers."""
    start = silences.ticked_at or 0.0
    for tick in range(1, 2 * seconds + 1):
        silences.tick(start + tick / 2, {"candidate": answers}, owing)


def test_one_that_owes_an_answer_for_longer_than_its_limit_is_named() -> None:
    silences = Silences({"candidate": 15})
    after(silences, 15, answers=3)
    assert silences.too_long() == []
    after(silences, 1, answers=3)
    assert silences.too_long() == ["candidate"]
    assert 15 < silences.seconds("candidate") < 17


def test_an_answer_ends_the_silence() -> None:
    silences = Silences({"candidate": 15})
    after(silences, 14, answers=3)
    after(silences, 14, answers=4)
    assert silences.too_long() == []


def test_one_that_owes_nothing_is_never_silent() -> None:
    silences = Silences({"candidate": 15})
    after(silences, 100, answers=3, owing=NOBODY)
    assert silences.seconds("candidate") == 0
    assert silences.seconds("never heard of") == 0


def test_time_that_we_slept_through_accuses_nobody() -> None:
    silences = Silences({"candidate": 15})
    after(silences, 3, answers=3)
    silences.tick(3_600, {"candidate": 3}, CANDIDATE)
    assert silences.too_long() == []
    assert silences.seconds("candidate") < 6
