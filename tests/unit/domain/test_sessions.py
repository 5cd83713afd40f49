from datetime import UTC, datetime, timedelta
from uuid import UUID

from phoenix_platform.core.tokens import TokenKind, check_token, new_token, token_hash
from phoenix_platform.domain.sessions import (
    IDLE_LIFE,
    LONGEST_LIFE,
    REUSE_WINDOW,
    EndReason,
    Session,
    SessionId,
    Use,
    family_hash_of,
    successor_of,
)
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.domain.users import UserId

AT = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def opened(token: str) -> Session:
    return Session(
        id=SessionId(UUID(int=1)),
        tenant_id=TenantId(UUID(int=2)),
        user_id=UserId(UUID(int=3)),
        family_hash=family_hash_of(token),
        current_hash=token_hash(token),
        nonce="",
        created_at=AT,
        refreshed_at=AT,
    )


def test_a_new_token_is_the_current_one_until_it_was_used() -> None:
    token = new_token(TokenKind.REFRESH)
    session = opened(token)
    assert session.use_of(token, AT) is Use.CURRENT
    refreshed = session.refreshed(token, nonce="n", at=AT)
    assert refreshed.use_of(successor_of(token, "n"), AT) is Use.CURRENT


def test_the_successor_is_well_formed_of_the_same_family_and_always_the_same() -> None:
    token = new_token(TokenKind.REFRESH)
    successor = successor_of(token, "n")
    assert check_token(successor) is TokenKind.REFRESH
    assert family_hash_of(successor) == family_hash_of(token)
    assert successor == successor_of(token, "n")
    assert len({token, successor, successor_of(token, "m"), successor_of(successor, "n")}) == 4


def test_the_predecessor_is_answered_again_for_some_seconds_and_then_is_stale() -> None:
    token = new_token(TokenKind.REFRESH)
    session = opened(token).refreshed(token, nonce="n", at=AT)
    assert session.use_of(token, AT + REUSE_WINDOW - SECOND) is Use.PREDECESSOR
    assert session.use_of(token, AT + REUSE_WINDOW) is Use.STALE


def test_an_older_token_is_stale_at_once_and_so_is_one_that_was_never_issued() -> None:
    first = new_token(TokenKind.REFRESH)
    second = successor_of(first, "1")
    session = opened(first).refreshed(first, nonce="1", at=AT).refreshed(second, nonce="2", at=AT)
    assert session.use_of(first, AT) is Use.STALE
    assert session.use_of(successor_of(first, "other"), AT) is Use.STALE
    assert opened(first).use_of(second, AT) is Use.STALE


def test_a_session_is_over_when_idle_too_long_too_old_or_ended() -> None:
    token = new_token(TokenKind.REFRESH)
    session = opened(token)
    assert session.use_of(token, AT + IDLE_LIFE) is Use.OVER
    late = AT + LONGEST_LIFE - SECOND
    busy = session.refreshed(token, nonce="n", at=late)
    assert busy.is_live(late)
    assert not busy.is_live(late + SECOND)
    assert session.ended(EndReason.SIGNED_OUT, AT).use_of(token, AT) is Use.OVER


def test_what_ended_keeps_its_first_reason() -> None:
    ended = opened(new_token(TokenKind.REFRESH)).ended(EndReason.TOKEN_REUSED, AT)
    assert ended.ended(EndReason.SIGNED_OUT, AT + SECOND) is ended
