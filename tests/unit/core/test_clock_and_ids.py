from datetime import UTC, datetime
from uuid import RFC_4122

from phoenix_platform.core.clock import FixedClock, SystemClock
from phoenix_platform.core.errors import InvalidInputError, PhoenixError
from phoenix_platform.core.ids import new_id, uuid7


def test_the_system_clock_tells_one_time_in_two_forms() -> None:
    clock = SystemClock()
    before = clock.unix_nano()
    now = clock.now()
    assert now.tzinfo is UTC
    assert before / 1e9 <= now.timestamp() + 0.001
    assert clock.monotonic() <= clock.monotonic()


def test_a_fixed_clock_moves_when_told() -> None:
    clock = FixedClock()
    began = clock.monotonic()
    clock.advance(1.5)
    assert clock.monotonic() - began == 1.5
    assert clock.now() == datetime(2027, 1, 15, 8, 0, 1, 500_000, tzinfo=UTC)


def test_ids_sort_by_the_time_of_their_birth() -> None:
    clock = FixedClock()
    first = new_id(clock)
    clock.advance(0.001)
    assert first < new_id(clock)
    assert (first.version, first.variant) == (7, RFC_4122)


def test_an_id_is_made_of_time_and_chance_alone() -> None:
    # RFC 9562, appendix A.6
    random_bits = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    assert str(uuid7(0x017F22E279B0, random_bits)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_an_error_carries_facts() -> None:
    error = InvalidInputError("port: taken", port=80)
    assert isinstance(error, PhoenixError)
    assert (error.code, error.facts, str(error)) == ("invalid-input", {"port": 80}, "port: taken")
