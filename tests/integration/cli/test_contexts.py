"""Contexts on a disk: private, whole, changed by one command at a time; and which one a command means."""

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from phoenix_platform.cli.contexts.choosing import (
    checked_address,
    connection,
    is_there_one,
    local_address,
)
from phoenix_platform.cli.contexts.files import Context, ContextsFile, KeptSession, checked_name
from phoenix_platform.client.credentials import SessionTokens
from phoenix_platform.client.errors import DeniedError
from phoenix_platform.client.settings import ClientSettings
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import InvalidInputError, NotFoundError

KEY = "phx_key_example"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ContextsFile:
    """The contexts of a user who has no control plane on this machine."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PHOENIX_DATA_DIRECTORY", str(tmp_path / "data"))
    for name in ("PHOENIX_CONTEXT", "PHOENIX_SERVER", "PHOENIX_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return ContextsFile(ClientSettings().contexts_file)


def some_tokens(at: datetime) -> SessionTokens:
    return SessionTokens(
        access_token="a1",
        access_expires_at=at + timedelta(minutes=5),
        refresh_token="r1",
        session_expires_at=at + timedelta(days=1),
    )


def test_nobody_but_its_owner_reads_it(file: ContextsFile) -> None:
    file.add("there", Context(server="https://phoenix.example", api_key=KEY))
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    assert file.read().get("there").api_key == KEY
    assert sorted(one.name for one in file.path.parent.iterdir()) == [
        "contexts.json",
        "contexts.lock",
    ]


def test_commands_at_once_lose_nothing_of_each_other(file: ContextsFile) -> None:
    names = [f"c{number}" for number in range(12)]
    context = Context(server="https://phoenix.example")
    threads = [threading.Thread(target=file.add, args=(name, context)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(file.read().contexts) == sorted(names)


def test_a_damaged_file_is_told_and_kept(file: ContextsFile) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_text("{")
    with pytest.raises(InvalidInputError, match="damaged"):
        file.read()
    assert file.path.read_text() == "{"


def test_removing_the_one_in_use_goes_back_to_this_machine(file: ContextsFile) -> None:
    contexts = file.read().having("there", Context(server="https://phoenix.example"))
    assert contexts.without("there").current == "local"


@pytest.mark.parametrize("name", ["local", "", "-x", "a b", "../x", "x" * 64])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be a name"):
        checked_name(name)


def test_without_anything_the_command_says_how_to_get_a_control_plane(file: ContextsFile) -> None:
    assert not is_there_one(ClientSettings())
    with pytest.raises(NotFoundError, match="phoenix serve"):
        connection(None)


def test_the_control_plane_of_this_machine_is_where_it_says(
    file: ContextsFile, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "server"
    folder.mkdir(parents=True)
    (folder / "admin.key").write_text(f"{KEY}\n")
    assert local_address(ClientSettings()) == "http://127.0.0.1:8000"
    (folder / "address").write_text("http://127.0.0.1:9000\n")
    found = connection(None)
    found.close()
    assert (found.address.url, found.credential.token()) == ("http://127.0.0.1:9000", KEY)
    assert is_there_one(ClientSettings())


def test_the_environment_goes_before_the_context_in_use_and_an_option_before_both(
    file: ContextsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.add("there", Context(server="https://there.example", api_key=KEY))
    monkeypatch.setenv("PHOENIX_SERVER", "https://env.example")
    monkeypatch.setenv("PHOENIX_API_KEY", "phx_key_of_the_environment")
    by_environment, by_option = connection(None), connection("there")
    by_environment.close()
    by_option.close()
    assert by_environment.address.url == "https://env.example"
    assert by_environment.credential.token() == "phx_key_of_the_environment"
    assert by_option.address.url == "https://there.example"


def test_a_context_without_a_credential_says_how_to_sign_in(file: ContextsFile) -> None:
    file.add("there", Context(server="https://there.example"))
    with pytest.raises(DeniedError, match="phoenix login --context there"):
        connection("there")
    with pytest.raises(NotFoundError, match="there are local, there"):
        connection("elsewhere")


def test_a_session_is_kept_with_its_context(file: ContextsFile) -> None:
    now = SystemClock().now()
    file.add("there", Context(server="https://there.example", session=some_tokens(now)))
    kept = KeptSession(file, "there")
    with kept.locked():
        kept.write(some_tokens(now + timedelta(hours=1)))
    assert kept.read().access_expires_at == now + timedelta(hours=1, minutes=5)
    assert file.read().get("there").server == "https://there.example"


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("http://phoenix.example", False),
        ("https://phoenix.example", True),
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://localhost:8000", True),
        ("http://127.evil.example", False),
    ],
)
def test_credentials_cross_no_network_in_the_clear(url: str, is_allowed: bool) -> None:
    if is_allowed:
        assert checked_address(url).url == url
        return
    with pytest.raises(InvalidInputError, match="--allow-plain-http"):
        checked_address(url)
    assert checked_address(url, allows_plain_http=True).url == url
