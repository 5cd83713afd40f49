"""The user's contexts: which control planes there are, and as whom. One private file (0600), written whole."""

import fcntl
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from phoenix_platform.client.credentials import SessionTokens
from phoenix_platform.core.errors import InvalidInputError, NotFoundError, UnavailableError

LOCAL: Final = "local"
"""The control plane on this machine; needs no entry, its key lies in its data directory."""
_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}")


class Context(msgspec.Struct, frozen=True, kw_only=True):
    server: str
    ca_file: str | None = None
    allows_plain_http: bool = False
    """Whether credentials may cross the network in the clear."""
    api_key: str | None = None
    user: str | None = None
    tenant: str | None = None
    session: SessionTokens | None = None


class Contexts(msgspec.Struct, frozen=True, kw_only=True):
    current: str = LOCAL
    contexts: dict[str, Context] = {}

    def get(self, name: str) -> Context:
        """The context of this name.

        Raises:
            NotFoundError: If there is none.
        """
        if name not in self.contexts:
            known = ", ".join([LOCAL, *sorted(self.contexts)])
            raise NotFoundError(f"context: there is no {name!r}; there are {known}")
        return self.contexts[name]

    def having(self, name: str, context: Context) -> "Contexts":
        return msgspec.structs.replace(self, contexts={**self.contexts, name: context})

    def without(self, name: str) -> "Contexts":
        kept = {key: value for key, value in self.contexts.items() if key != name}
        return Contexts(current=LOCAL if self.current == name else self.current, contexts=kept)


def checked_name(name: str) -> str:
    """The name, if a context may have it.

    Raises:
        InvalidInputError: If not.
    """
    if name == LOCAL or not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"context: {name!r} cannot be a name; use letters, digits, '.', '_' and '-', and not {LOCAL!r}"
        )
    return name


@dataclass(frozen=True, slots=True)
class ContextsFile:
    path: Path

    def read(self) -> Contexts:
        """What is kept; nothing before the first.

        Raises:
            InvalidInputError: If the file holds no contexts.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Contexts)
        except FileNotFoundError:
            return Contexts()
        except OSError as error:
            raise UnavailableError(
                f"contexts: cannot read {self.path}: {error.strerror}"
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidInputError(
                f"contexts: {self.path} is damaged ({error}); repair or remove it"
            ) from error

    def write(self, contexts: Contexts) -> None:
        """Keep them, for the owner's eyes only."""
        content = msgspec.json.format(msgspec.json.encode(contexts), indent=2)
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as opened:
                    opened.write(content + b"\n")
                draft.replace(self.path)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise UnavailableError(
                f"contexts: cannot write {self.path}: {error.strerror}"
            ) from error

    @contextmanager
    def locked(self) -> Generator[None]:
        """No other command changes the file while the block lasts."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise UnavailableError(
                f"contexts: cannot lock {self.path}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def add(self, name: str, context: Context) -> None:
        with self.locked():
            self.write(self.read().having(name, context))


@dataclass(frozen=True, slots=True)
class KeptSession:
    """The session of one context, as `client.credentials.Session` wants it."""

    file: ContextsFile
    name: str

    def read(self) -> SessionTokens:
        session = self.file.read().get(self.name).session
        if session is None:
            raise NotFoundError(
                f"context {self.name}: nobody is signed in; run phoenix login --context {self.name}"
            )
        return session

    def write(self, tokens: SessionTokens) -> None:
        contexts = self.file.read()
        context = msgspec.structs.replace(contexts.get(self.name), session=tokens)
        self.file.write(contexts.having(self.name, context))

    @contextmanager
    def locked(self) -> Generator[None]:
        with self.file.locked():
            yield
