import pytest

from phoenix_platform.opamp.facts import ConfigFile, Outcome, RemoteConfig, Status
from phoenix_platform.opamp.offers import (
    EMPTY,
    EMPTY_GRACE_SECONDS,
    FIRST_WAIT_SECONDS,
    MAX_OFFERS,
    MAX_WAIT_SECONDS,
    NEVER_TAKEN,
    SILENT_RETURN,
    OfferHistory,
    Wanted,
    due_offer,
    given_up,
    learn,
    offered,
)

A = RemoteConfig(b"a", {"": ConfigFile(b"good")})
B = RemoteConfig(b"b", {"": ConfigFile(b"bad")})
C = RemoteConfig(b"c", {"": ConfigFile(b"next")})
WANTS_B = Wanted(desired=B, falls_back=True)


def status(config: RemoteConfig, outcome: Outcome, error: str = "") -> Status:
    return Status(config.hash, outcome, error)


def taught(history: OfferHistory, *statuses: Status, wanted: Wanted = WANTS_B) -> OfferHistory:
    for one in statuses:
        history = learn(history, one, wanted, is_in_sequence=True, now=0).history
    return history


def test_what_is_desired_is_offered_once_and_not_again_once_the_host_has_it() -> None:
    history = OfferHistory()
    assert due_offer(history, Wanted(), None, 0) is None
    assert due_offer(history, WANTS_B, None, 0) == B
    history = offered(history, B, 0)
    assert due_offer(history, WANTS_B, None, 1) is None
    assert due_offer(history, WANTS_B, status(B, Outcome.APPLYING), 1e6) is None
    assert due_offer(history, WANTS_B, status(B, Outcome.APPLIED), 1e6) is None
    assert due_offer(history, WANTS_B, status(B, Outcome.UNSET), 1e6) is None


def test_an_offer_without_an_answer_is_repeated_ever_more_seldom() -> None:
    history, now, waits = OfferHistory(), 0.0, list[float]()
    for _ in range(9):
        history, began = offered(history, B, now), now
        while due_offer(history, WANTS_B, None, now) is None:
            now += FIRST_WAIT_SECONDS
        waits.append(now - began)
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert waits[-1] == MAX_WAIT_SECONDS


def test_another_configuration_does_not_wait_for_the_one_before() -> None:
    history = offered(offered(OfferHistory(), B, 0), B, 0)
    assert due_offer(history, Wanted(desired=A), None, 1) == A
    assert offered(history, A, 1).offers == 1


def test_after_a_failure_the_last_good_one_is_offered_and_the_failed_one_never_again() -> None:
    history = taught(
        OfferHistory(), status(A, Outcome.APPLIED), wanted=Wanted(desired=A, falls_back=True)
    )
    assert history.last_good == A
    history = offered(history, B, 0)
    history = taught(history, status(B, Outcome.APPLYING), status(B, Outcome.FAILED, "exit 1"))
    assert history.failed == {b"b": "exit 1"}
    assert due_offer(history, WANTS_B, status(B, Outcome.FAILED), 1) == A
    history = taught(offered(history, A, 1), status(A, Outcome.APPLIED))
    assert due_offer(history, WANTS_B, status(A, Outcome.APPLIED), 1e9) is None
    assert due_offer(history, Wanted(desired=C), status(A, Outcome.APPLIED), 1e9) == C


def test_without_a_good_one_the_empty_one_ends_the_crash_loop() -> None:
    history = taught(offered(OfferHistory(), B, 0), status(B, Outcome.FAILED))
    is_returning = EMPTY_GRACE_SECONDS - 1
    assert due_offer(history, WANTS_B, status(B, Outcome.FAILED), is_returning) is None
    assert due_offer(history, WANTS_B, status(B, Outcome.FAILED), EMPTY_GRACE_SECONDS) == EMPTY
    history = taught(offered(history, EMPTY, 15), status(EMPTY, Outcome.APPLIED))
    assert history.last_good is None
    assert due_offer(history, WANTS_B, status(EMPTY, Outcome.APPLIED), 1e9) is None


def test_an_empty_one_that_fails_too_is_not_offered_for_ever() -> None:
    history = taught(OfferHistory(), status(B, Outcome.FAILED), status(EMPTY, Outcome.FAILED))
    assert due_offer(history, WANTS_B, status(EMPTY, Outcome.FAILED), 1e9) is None


def test_a_host_that_keeps_itself_as_it_was_is_offered_nothing_instead() -> None:
    history = taught(OfferHistory(last_good=A), status(B, Outcome.FAILED))
    assert due_offer(history, Wanted(desired=B), status(B, Outcome.FAILED), 1) is None


def test_a_last_good_one_that_fails_too_is_not_offered_for_ever() -> None:
    history = taught(OfferHistory(last_good=A), status(B, Outcome.FAILED))
    history = taught(offered(history, A, 0), status(A, Outcome.FAILED))
    assert due_offer(history, WANTS_B, status(A, Outcome.FAILED), 1e9) is None


def test_a_supervisor_that_rolls_back_by_itself_is_left_alone() -> None:
    history = taught(OfferHistory(), status(A, Outcome.APPLIED), wanted=Wanted(desired=A))
    history = taught(
        offered(history, B, 0),
        status(B, Outcome.APPLYING),
        status(B, Outcome.FAILED),
        status(A, Outcome.APPLIED),
    )
    assert due_offer(history, WANTS_B, status(A, Outcome.APPLIED), 1e9) is None


def test_a_roll_back_without_a_word_is_a_failure_too() -> None:
    history = offered(OfferHistory(last_good=A), B, 0)
    history = taught(history, status(B, Outcome.APPLYING))
    lesson = learn(history, status(A, Outcome.APPLIED), WANTS_B, is_in_sequence=True, now=0)
    assert lesson.failed == Status(b"b", Outcome.FAILED, SILENT_RETURN)
    assert lesson.applied == A
    assert due_offer(lesson.history, WANTS_B, status(A, Outcome.APPLIED), 1e9) is None


def test_an_old_status_that_comes_late_condemns_nothing() -> None:
    history = taught(offered(OfferHistory(last_good=A), B, 0), status(B, Outcome.APPLYING))
    lesson = learn(history, status(A, Outcome.APPLIED), WANTS_B, is_in_sequence=False, now=0)
    assert lesson.failed is None


def test_what_ran_well_and_was_left_later_did_not_fail() -> None:
    history = taught(
        offered(OfferHistory(), B, 0), status(B, Outcome.APPLYING), status(B, Outcome.APPLIED)
    )
    history = taught(history, status(A, Outcome.APPLIED))
    assert history.failed == {}
    assert history.last_good == B


def test_a_failure_is_news_once() -> None:
    first = learn(OfferHistory(), status(B, Outcome.FAILED), WANTS_B, is_in_sequence=True, now=0)
    second = learn(first.history, status(B, Outcome.FAILED), WANTS_B, is_in_sequence=True, now=0)
    assert first.failed == status(B, Outcome.FAILED)
    assert second.failed is None


def test_what_failed_and_runs_all_the_same_is_not_what_one_goes_back_to() -> None:
    history = taught(OfferHistory(), status(B, Outcome.FAILED), status(B, Outcome.APPLIED))
    assert history.last_good is None


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_status_about_nothing_teaches_nothing(outcome: Outcome) -> None:
    lesson = learn(OfferHistory(), Status(b"", outcome), WANTS_B, is_in_sequence=True, now=0)
    assert lesson.history == OfferHistory()


def test_an_unset_status_teaches_nothing() -> None:
    lesson = learn(OfferHistory(), status(B, Outcome.UNSET), WANTS_B, is_in_sequence=True, now=0)
    assert lesson.history == OfferHistory()


def test_what_is_offered_in_vain_too_often_is_given_up() -> None:
    history = OfferHistory()
    assert given_up(history, B) is None
    for _ in range(MAX_OFFERS):
        assert given_up(history, B) is None
        history = offered(history, B, 0)
    assert given_up(history, A) is None
    without = given_up(history, B)
    assert without is not None
    assert without.failed == {b"b": NEVER_TAKEN}


def test_what_a_person_released_is_offered_once_more() -> None:
    history = taught(offered(OfferHistory(), B, 0), status(B, Outcome.FAILED))
    history = history.released({})
    assert due_offer(history, WANTS_B, status(B, Outcome.FAILED), 1) == B


def test_what_was_good_before_a_restart_of_the_server_is_offered_again() -> None:
    history = taught(OfferHistory().remembering(A), status(B, Outcome.FAILED))
    assert due_offer(history, WANTS_B, status(B, Outcome.FAILED), 1) == A
