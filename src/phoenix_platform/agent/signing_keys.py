"""The user's Ed25519 keys: one that signs, made on first use, and the public halves of all before it.

A folder in the user's data holds them: `signing.pem` (PKCS 8, readable by its owner alone) and
`public/ID.hex` for every key there ever was, so that old certificates are still known as one's own.
`cli.certificates` and `cli.keys` call this.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from phoenix_platform.core.errors import InvalidInputError, UnavailableError

_PRIVATE: Final = "signing.pem"
_PUBLIC: Final = "public"
_SUFFIX: Final = ".hex"
_OWNER_ONLY: Final = 0o600
_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs. Never printed: its private half has no form but the file."""

    _private: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, content: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(content)


class SigningKeys:
    """The keys in one folder.

    Args:
        folder: Made on first use.
        key_id_of: Names a public key.
    """

    def __init__(self, folder: Path, key_id_of: Callable[[bytes], str]) -> None:
        self.folder = folder
        self._key_id_of = key_id_of

    @property
    def path(self) -> Path:
        """The file of the key that signs; need not exist."""
        return self.folder / _PRIVATE

    def current(self) -> SigningKey:
        """The key that signs; made if there is none.

        Raises:
            InvalidInputError: If the file holds no such key, or others may read it.
            UnavailableError: If it cannot be read or written.
        """
        try:
            if not self.path.exists():
                self._create()
            return self._read()
        except OSError as error:
            raise UnavailableError(f"key: cannot use {self.path}: {error.strerror}") from error

    def rotate(self) -> SigningKey:
        """Make another key that signs from now on; the old one is deleted, its public half kept.

        Raises:
            InvalidInputError: As `current`.
            UnavailableError: As `current`.
        """
        self.current()  # its public half is kept from here on, even if it was never shown
        try:
            temporary = self._write_private()
            temporary.replace(self.path)
            return self._read()
        except OSError as error:
            raise UnavailableError(f"key: cannot write {self.path}: {error.strerror}") from error

    def known(self) -> dict[str, bytes]:
        """The public halves of all keys there ever were, by their ids; files that hold none are left out.

        Raises:
            UnavailableError: If the folder cannot be read.
        """
        found: dict[str, bytes] = {}
        try:
            for path in sorted((self.folder / _PUBLIC).glob(f"*{_SUFFIX}")):
                with suppress(ValueError):
                    public = bytes.fromhex(path.read_text("ascii").strip())
                    found[self._key_id_of(public)] = public
        except OSError as error:
            raise UnavailableError(f"key: cannot read {self.folder}: {error.strerror}") from error
        return found

    def _create(self) -> None:
        temporary = self._write_private()
        # Two programs may get here at once: the first link stands, and both use it.
        with suppress(FileExistsError):
            os.link(temporary, self.path)
        temporary.unlink()

    def _write_private(self) -> Path:
        """A new key in a file of its own, on the disk before anything refers to it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        temporary = self.folder / f".{_PRIVATE}.{os.getpid()}"
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        return temporary

    def _read(self) -> SigningKey:
        if self.path.stat().st_mode & _OTHERS:
            raise InvalidInputError(
                f"key: others may read {self.path}; run: chmod 600 {self.path}, "
                "and phoenix key rotate if they could have done so"
            )
        private: object
        try:
            private = load_pem_private_key(self.path.read_bytes(), password=None)
        except (ValueError, TypeError):  # no PEM, or one with a password
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise InvalidInputError(
                f"key: {self.path} holds no Ed25519 key; move it away, and another is made"
            )
        key = SigningKey(private)
        self._keep_public(key.public_key)
        return key

    def _keep_public(self, public: bytes) -> None:
        path = self.folder / _PUBLIC / f"{self._key_id_of(public)}{_SUFFIX}"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{public.hex()}\n", "ascii")


def is_signed(public_key: bytes, signature: bytes, content: bytes) -> bool:
    """Whether an Ed25519 signature belongs to the content by this public key; False for what is neither."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True
