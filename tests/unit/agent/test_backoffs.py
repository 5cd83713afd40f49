from phoenix_platform.agent.backoffs import Backoff


def test_waiting_doubles_up_to_a_minute_and_begins_anew_after_a_success() -> None:
    backoff = Backoff(lambda: 1.0)
    assert [backoff.next_seconds() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.reset()
    assert backoff.next_seconds() == 1


def test_chance_takes_up_to_half_of_it_away() -> None:
    assert Backoff(lambda: 0.0).next_seconds() == 0.5


def test_what_the_other_side_asks_for_is_the_least() -> None:
    backoff = Backoff(lambda: 0.0)
    assert backoff.next_seconds(at_least=30) == 30
    assert backoff.next_seconds() == 1
