"""Users: people of a tenant, with a role in it. A new one chooses a password by a one-time link."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NewType, Self
from uuid import UUID

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.permissions import Role
from phoenix_platform.domain.tenants import TenantId

UserId = NewType("UserId", UUID)

MIN_PASSWORD_CHARACTERS: Final = 12
"""NIST SP 800-63B-4 asks for 15 where the password stands alone and 8 beside a second factor;
12 is the length that OWASP's verification standard (ASVS 5, 2.1.1) long asked for."""
MAX_PASSWORD_BYTES: Final = 1024
"""So that nobody makes the server hash megabytes."""
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,126}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: UserId
    tenant_id: TenantId
    name: str
    """What they sign in with: unique in the tenant; a short name or an e-mail address."""
    role: Role
    password_hash: str | None = None
    """PHC string; None until they chose a password."""
    is_disabled: bool = False
    created_at: datetime
    last_sign_in_at: datetime | None = None
    version: int = 1

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInputError(
                f"name: {self.name!r} is no user name; use up to 128 lower-case letters, digits and "
                "any of . _ @ + - between them, such as ada or ada@example.org"
            )

    @property
    def may_sign_in(self) -> bool:
        return self.password_hash is not None and not self.is_disabled

    def with_password_hash(self, password_hash: str) -> Self:
        return replace(self, password_hash=password_hash)

    def signed_in(self, at: datetime) -> Self:
        return replace(self, last_sign_in_at=at)


def user_name_of(text: str) -> str:
    """The spelling under which a name is stored: case and composition of letters do not matter."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def checked_password(password: str, *, name: str) -> str:
    """The password in the one composition that is hashed (RFC 8265, OpaqueString).

    Raises:
        InvalidInputError: If it is too short, too long, or little more than the name. Never quotes it.
    """
    normal = normal_password(password)
    if len(normal) < MIN_PASSWORD_CHARACTERS:
        raise InvalidInputError(
            f"password: {len(normal)} characters; take at least {MIN_PASSWORD_CHARACTERS}, such as four words"
        )
    if len(normal.encode()) > MAX_PASSWORD_BYTES:
        raise InvalidInputError(
            f"password: longer than {MAX_PASSWORD_BYTES} bytes; take a shorter one"
        )
    without_name = normal.lower().replace(name, "")
    if len(set(without_name)) < MIN_PASSWORD_CHARACTERS // 3:
        raise InvalidInputError(
            "password: it has too few different characters beside your name; take four words, for example"
        )
    return normal


def normal_password(password: str) -> str:
    """The same password for one typed on another keyboard.

    Raises:
        InvalidInputError: On text that has no UTF-8 (lone surrogates).
    """
    normal = unicodedata.normalize("NFC", password)
    try:
        normal.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError("password: holds a lone surrogate; type it anew") from error
    return normal
