from pathlib import Path

import pytest

from phoenix_platform.adapters.key_files.private_files import make_private
from phoenix_platform.adapters.key_files.sealers import sealer_of
from phoenix_platform.core.errors import InvalidInputError, UnavailableError


def test_a_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "keys"
    sealed = sealer_of(path).seal(b"secret", "name")
    assert path.stat().st_mode & 0o777 == 0o600
    assert sealer_of(path).open(sealed, "name") == b"secret"
    assert b"secret" not in sealed
    assert list(path.parent.iterdir()) == [path]


def test_what_was_sealed_opens_under_its_own_name_only(tmp_path: Path) -> None:
    sealer = sealer_of(tmp_path / "keys")
    sealed = sealer.seal(b"secret", "one")
    for content, name in ((sealed, "two"), (sealed[:-1] + b"x", "one"), (b"", "one")):
        with pytest.raises(UnavailableError, match="not the key file"):
            sealer.open(content, name)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    sealer_of(path)
    path.chmod(0o640)
    with pytest.raises(InvalidInputError, match="chmod 600"):
        sealer_of(path)


@pytest.mark.parametrize(("content", "mistake"), [("AAAA", "3 bytes"), ("AAA", "not base64")])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: str, mistake: str) -> None:
    path = tmp_path / "keys"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(InvalidInputError, match=mistake):
        sealer_of(path)


def test_a_file_that_cannot_be_made_or_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot read the key file"):
        sealer_of(tmp_path / "file" / "keys")
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    with pytest.raises((UnavailableError, InvalidInputError)):
        sealer_of(folder)


def test_the_file_of_whoever_was_faster_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    sealed = sealer_of(path).seal(b"secret", "name")
    make_private(path, b"another")
    assert sealer_of(path).open(sealed, "name") == b"secret"
