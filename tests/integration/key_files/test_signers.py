"""The key that signs certificates: made once, for its owner alone, its public half beside it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from phoenix_platform.adapters.key_files.private_files import make_private, put_private
from phoenix_platform.adapters.key_files.signers import signer_in
from phoenix_platform.core.errors import InvalidInputError, UnavailableError


def test_a_key_is_made_once_and_its_public_half_is_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "certificates.pem"
    first, again = signer_in(path), signer_in(path)
    assert again.public_key == first.public_key
    Ed25519PublicKey.from_public_bytes(first.public_key).verify(again.sign(b"x"), b"x")
    public = path.with_suffix(".pub")
    assert public.read_text() == f"{first.public_key.hex()}\n"
    assert sorted(path.parent.iterdir()) == [path, public]
    assert [one.stat().st_mode & 0o777 for one in (path, public)] == [0o600, 0o600]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "certificates.pem"
    signer_in(path)
    path.chmod(0o640)
    with pytest.raises(InvalidInputError, match="chmod 600"):
        signer_in(path)


def test_what_is_no_key_of_this_kind_is_refused(tmp_path: Path) -> None:
    text, other = tmp_path / "text.pem", tmp_path / "other.pem"
    put_private(text, b"no key")
    with pytest.raises(InvalidInputError, match="no private key in PEM"):
        signer_in(text)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    put_private(other, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(InvalidInputError, match="of another kind; Ed25519 is needed"):
        signer_in(other)


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be used"):
        signer_in(tmp_path / "file" / "certificates.pem")
    path = tmp_path / "certificates.pem"
    path.with_suffix(".pub").mkdir()
    with pytest.raises(UnavailableError, match="cannot be written"):
        signer_in(path)


def test_the_file_of_whoever_was_faster_stays_and_a_later_one_takes_its_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    make_private(path, b"first")
    make_private(path, b"second")
    assert path.read_bytes() == b"first"
    put_private(path, b"third")
    assert path.read_bytes() == b"third"
    assert list(tmp_path.iterdir()) == [path]
