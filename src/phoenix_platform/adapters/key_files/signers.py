"""The control plane's Ed25519 key, in a file that only its user may read: it signs certificates."""

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

from phoenix_platform.adapters.key_files.private_files import (
    OTHERS_MAY,
    make_private,
    put_private,
)
from phoenix_platform.core.errors import InvalidInputError, UnavailableError

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
    """The key of this file, made if there is none; its public half is put beside it, 64 hexadecimal digits.

    Raises:
        InvalidInputError: If the file holds no such key, or others may read it.
        UnavailableError: If it cannot be read or written.
    """
    try:
        if not path.exists():
            make_private(path, _new_key())
        if path.stat().st_mode & OTHERS_MAY:
            raise InvalidInputError(f"{path}: others may read it; chmod 600 {path}")
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be used: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInputError(f"{path}: holds no private key in PEM") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise InvalidInputError(f"{path}: holds a key of another kind; Ed25519 is needed")
    signer = FileSigner(private)
    public = path.with_suffix(PUBLIC_SUFFIX)
    try:
        # It is no secret, but nothing in that folder is for others.
        put_private(public, f"{signer.public_key.hex()}\n".encode())
    except OSError as error:
        raise UnavailableError(f"{public}: cannot be written: {error.strerror}") from error
    return signer


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
