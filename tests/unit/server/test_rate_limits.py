import pytest

from phoenix_platform.core.clock import FixedClock
from phoenix_platform.server.errors import TooManyRequestsError
from phoenix_platform.server.rate_limits import RateLimiter


def a_limiter(clock: FixedClock, max_tracked: int = 10) -> RateLimiter:
    return RateLimiter(policy="actor", per_second=2, burst=4, max_tracked=max_tracked, clock=clock)


def test_a_full_bucket_lets_its_burst_through_and_then_refuses_with_the_time_to_wait() -> None:
    limiter = a_limiter(FixedClock())
    assert [limiter.take("ada").remaining for _ in range(4)] == [3, 2, 1, 0]
    with pytest.raises(TooManyRequestsError, match=r"more than 2 requests a second") as refused:
        limiter.take("ada")
    assert refused.value.retry_after_seconds == pytest.approx(0.5)


def test_the_rate_holds_over_a_long_time() -> None:
    clock = FixedClock()
    limiter = a_limiter(clock)
    passed = 0
    for _ in range(1000):
        clock.advance(0.1)
        try:
            limiter.take("ada")
        except TooManyRequestsError:
            continue
        passed += 1
    assert passed == pytest.approx(2 * 100, abs=4)


def test_nobody_pays_for_somebody_else() -> None:
    limiter = a_limiter(FixedClock())
    for _ in range(4):
        limiter.take("ada")
    assert limiter.take("bob").remaining == 3


def test_the_longest_idle_key_is_forgotten_when_too_many_are_remembered() -> None:
    limiter = a_limiter(FixedClock(), max_tracked=2)
    for _ in range(4):
        limiter.take("ada")
    limiter.take("bob")
    limiter.take("cyd")
    assert len(limiter) == 2
    assert limiter.take("ada").remaining == 3, "a forgotten key begins with a full bucket"


def test_the_headers_say_the_policy_and_what_is_left() -> None:
    limiter = a_limiter(FixedClock())
    assert dict(limiter.take("ada").headers()) == {
        b"ratelimit-policy": b'"actor";q=4;w=2',
        b"ratelimit": b'"actor";r=3;t=0',
    }
    assert dict(limiter.exhausted().headers())[b"ratelimit"] == b'"actor";r=0;t=2'
