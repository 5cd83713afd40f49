"""The key file of a server: 32 random bytes by which signing keys are encrypted in the database.

A copy of the database alone signs no token. Replicas share the file; docs/adr/ says why a file.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from phoenix_platform.adapters.key_files.private_files import OTHERS_MAY, make_private
from phoenix_platform.core.errors import InvalidInputError, UnavailableError

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class Sealer:
    """AES-256-GCM under the key of a file; what it seals is bound to a name."""

    def __init__(self, key: bytes, path: Path) -> None:
        self._cipher = AESGCM(key)
        self._path = path

    def seal(self, content: bytes, name: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """Raise `UnavailableError` if it was sealed by another key, or for another name."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise UnavailableError(
                f"{self._path}: not the key file that the signing keys in the database were encrypted with; "
                "give every replica the same file"
            ) from error


def sealer_of(path: Path) -> Sealer:
    """The sealer of a key file, which is made if it is not there.

    Raises:
        InvalidInputError: If it holds no key, or others may read it.
        UnavailableError: If it can be neither read nor written.
    """
    try:
        return Sealer(_read(path), path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UnavailableError(f"cannot read the key file {path}: {error}") from error
    try:
        make_private(path, urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
        return Sealer(_read(path), path)
    except OSError as error:
        raise UnavailableError(f"cannot write the key file {path}: {error}") from error


def _read(path: Path) -> bytes:
    if path.stat().st_mode & OTHERS_MAY:
        raise InvalidInputError(f"{path}: others may read this key file; run chmod 600 {path}")
    try:
        key = urlsafe_b64decode(path.read_bytes().strip())
    except ValueError as error:
        raise InvalidInputError(
            f"{path}: not base64; a key file is written by the server"
        ) from error
    if len(key) != _KEY_BYTES:
        raise InvalidInputError(f"{path}: {len(key)} bytes; a key file holds {_KEY_BYTES}")
    return key
