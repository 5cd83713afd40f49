import asyncio
import statistics
import time
from collections.abc import Iterator

import pytest

from phoenix_platform.adapters.passwords.argon2 import MAX_WAITING, Argon2Passwords, Cost
from phoenix_platform.core.errors import UnavailableError

WORDS = "correct horse battery"


@pytest.fixture
def passwords() -> Iterator[Argon2Passwords]:
    made = Argon2Passwords()
    yield made
    made.close()


@pytest.fixture
def cheap() -> Iterator[Argon2Passwords]:
    made = Argon2Passwords(Cost(memory_kib=64, rounds=1))
    yield made
    made.close()


async def test_a_hash_is_argon2id_of_at_least_what_owasp_asks_and_matches_its_password_only(
    passwords: Argon2Passwords,
) -> None:
    hashed = await passwords.hash(WORDS)
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(WORDS, hashed)
    assert not await passwords.verify(WORDS + " ", hashed)
    assert hashed != await passwords.hash(WORDS)


async def test_nobody_has_no_password_and_a_broken_hash_matches_none(
    cheap: Argon2Passwords,
) -> None:
    assert not await cheap.verify(WORDS, None)
    assert not await cheap.verify(WORDS, "$argon2id$nonsense")


async def test_a_hash_of_other_parameters_is_outdated(
    passwords: Argon2Passwords, cheap: Argon2Passwords
) -> None:
    assert passwords.is_outdated(await cheap.hash(WORDS))
    assert not cheap.is_outdated(await cheap.hash(WORDS))


async def test_an_unknown_user_takes_as_long_as_a_known_one(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash(WORDS)
    known: list[float] = []
    unknown: list[float] = []
    for _ in range(15):  # in turns, so that a busy machine delays both alike
        for times, stored in ((known, hashed), (unknown, None)):
            started = time.perf_counter()
            await passwords.verify("wrong", stored)
            times.append(time.perf_counter() - started)
    # The medians of what others leave us differ by chance; work left out would be a factor of 100.
    assert 0.5 < statistics.median(unknown) / statistics.median(known) < 2


async def test_no_more_than_so_many_wait_for_a_hash(cheap: Argon2Passwords) -> None:
    waiting = [cheap.hash(WORDS) for _ in range(MAX_WAITING + 10)]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    refused = [one for one in found if isinstance(one, UnavailableError)]
    assert len(refused) == 10
    assert all(isinstance(one, str) for one in found if one not in refused)
    await cheap.hash(WORDS)


async def test_others_have_their_turns_while_passwords_are_hashed(
    passwords: Argon2Passwords,
) -> None:
    hashing = asyncio.gather(*(passwords.hash(WORDS) for _ in range(6)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 20
    await hashing
