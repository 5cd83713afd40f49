"""The user's signing keys: made once, private, kept known after a rotation."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from phoenix_platform.__main__ import build_app
from phoenix_platform.agent.signing_keys import SigningKeys, is_signed
from phoenix_platform.analysis.certificates import key_id_of
from phoenix_platform.core.errors import InvalidInputError, UnavailableError


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    return SigningKeys(tmp_path / "data" / "keys", key_id_of)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_is_made_on_first_use_and_only_its_owner_may_read_it(keys: SigningKeys) -> None:
    public = keys.current().public_key
    assert mode(keys.path) == 0o600
    assert mode(keys.folder) == 0o700
    assert keys.current().public_key == public
    assert keys.known() == {key_id_of(public): public}
    assert sorted(path.name for path in keys.folder.iterdir()) == ["public", "signing.pem"]


def test_two_programs_that_make_a_key_at_once_get_the_same(keys: SigningKeys) -> None:
    public = keys.current().public_key
    keys._create()  # what the second does that saw no key
    assert keys.current().public_key == public


def test_what_a_key_signs_belongs_to_it_alone(keys: SigningKeys) -> None:
    key = keys.current()
    signature = key.sign(b"content")
    assert is_signed(key.public_key, signature, b"content")
    assert not is_signed(key.public_key, signature, b"another")
    assert not is_signed(keys.rotate().public_key, signature, b"content")
    assert not is_signed(b"short", signature, b"content")
    assert not is_signed(key.public_key, b"short", b"content")


def test_a_rotation_keeps_the_public_half_only(keys: SigningKeys) -> None:
    old = keys.current().public_key
    pem = keys.path.read_bytes()
    new = keys.rotate().public_key
    assert new != old
    assert mode(keys.path) == 0o600
    assert set(keys.known().values()) == {old, new}
    files = [path for path in keys.folder.rglob("*") if path.is_file()]
    assert all(pem not in path.read_bytes() for path in files)


def test_a_key_that_others_may_read_is_refused(keys: SigningKeys) -> None:
    keys.current()
    keys.path.chmod(0o640)
    with pytest.raises(InvalidInputError, match=r"^key: others may read .*; run: chmod 600 "):
        keys.current()


def test_a_file_that_holds_no_such_key_is_refused(keys: SigningKeys) -> None:
    keys.current()
    rsa = generate_private_key(public_exponent=65537, key_size=2048)
    pem = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"no key", pem):
        keys.path.write_bytes(content)
        with pytest.raises(InvalidInputError, match=r"holds no Ed25519 key; move it away"):
            keys.current()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, keys: SigningKeys) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(UnavailableError, match=r"^key: cannot use .*signing.pem: "):
        keys.current()
    (tmp_path / "data").unlink()
    keys.current()
    (keys.folder / f".signing.pem.{_own_pid()}").mkdir()
    with pytest.raises(UnavailableError, match=r"^key: cannot write "):
        keys.rotate()


def _own_pid() -> int:
    return int(Path("/proc/self").resolve().name)


def test_a_public_file_that_holds_no_key_is_left_out(keys: SigningKeys) -> None:
    keys.current()
    (keys.folder / "public" / "notes.hex").write_text("not hex")
    assert len(keys.known()) == 1


# --- phoenix key


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(arguments), arguments)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PHOENIX_DATA_DIRECTORY", str(tmp_path))
    return tmp_path


def test_the_key_is_shown_and_rotated(data: Path) -> None:
    first = run("key", "show", "--output", "json")
    (view,) = json.loads(first.stdout)
    assert view["signs"]
    assert first.stderr == f"made a key: {data}/keys/signing.pem\n"
    assert run("key", "show").stderr == ""
    views = json.loads(run("key", "rotate", "--output", "json").stdout)
    assert [one["signs"] for one in views] == [True, False]
    assert views[1]["key_id"] == view["key_id"]
    table = run("key", "show").stdout
    assert "signed before" in table
    assert "PRIVATE" not in table
