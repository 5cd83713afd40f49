"""The control plane's Ed25519 key, in a file that only its user may read: it signs certificates."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from phoenix_platform.core.errors import InvalidInputError, UnavailableError

_OTHERS: Final = 0o077
PUBLIC_SUFFIX: Final = ".pub"


@dataclass(frozen=True, slots=True)
class FileSigner:
    """A `Signer` of `analysis.certificates`. Never printed: its private half has no form but the file."""

    _private: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, content: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(content)


def signer_in(path: Path) -> FileSigner:
    """The key of this file; made if there is none.

    Raises:
        InvalidInputError: If the file holds no such key, or others may read it.
        UnavailableError: If it cannot be read or written.
    """
    try:
        if not path.exists():
            _create(path)
        if path.stat().st_mode & _OTHERS:
            raise InvalidInputError(f"{path}: others may read it; chmod 600 {path}")
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be used: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInputError(f"{path}: holds no private key in PEM") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise InvalidInputError(f"{path}: holds a key of another kind; Ed25519 is needed")
    signer = FileSigner(private)
    _publish(path.with_suffix(PUBLIC_SUFFIX), signer.public_key)
    return signer


def _publish(path: Path, public_key: bytes) -> None:
    """Put the public half beside it, for whoever verifies: 64 hexadecimal digits."""
    try:
        # It is no secret, but nothing in that folder is for others.
        path.touch(0o600)
        path.write_text(public_key.hex() + "\n", "ascii")
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be written: {error.strerror}") from error


def _create(path: Path) -> None:
    """Whole or not at all, and never over a key that somebody else made meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(pem)
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
