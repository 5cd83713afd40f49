from datetime import UTC, datetime, timedelta

import pytest

from phoenix_platform.domain.sign_in_limits import (
    ACCOUNT_ATTEMPTS,
    NETWORK_ATTEMPTS,
    WINDOW,
    AttemptCount,
    limits_of,
    network_of,
)
from phoenix_platform.domain.sign_ins import TooManyAttemptsError

AT = datetime(2030, 1, 1, tzinfo=UTC)


def counted(times: int) -> AttemptCount:
    count = AttemptCount(key="k", window_started_at=AT)
    for _ in range(times):
        count = count.counted(AT)
    return count


def test_the_sixth_attempt_of_an_account_waits_until_its_window_is_over() -> None:
    assert counted(ACCOUNT_ATTEMPTS).seconds_to_wait(ACCOUNT_ATTEMPTS, AT) == 0
    later = AT + timedelta(minutes=1)
    assert counted(ACCOUNT_ATTEMPTS + 1).seconds_to_wait(ACCOUNT_ATTEMPTS, later) == 240


def test_a_new_window_begins_when_the_last_one_is_over() -> None:
    count = counted(100).counted(AT + WINDOW)
    assert count.attempts == 1
    assert count.window_started_at == AT + WINDOW


def test_attempts_count_against_the_network_first_and_then_the_account() -> None:
    network, account = limits_of("default", "ada", "192.0.2.7")
    assert (network.attempts, account.attempts) == (NETWORK_ATTEMPTS, ACCOUNT_ATTEMPTS)
    same_network, other_account = limits_of("default", "bob", "192.0.2.200")
    assert same_network == network
    assert other_account != account
    assert limits_of("other", "ada", "192.0.2.7")[1] != account


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_address_counts_with_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_the_error_says_when_to_try_again() -> None:
    assert "in 3 s" in str(TooManyAttemptsError(retry_after_seconds=3.2))
