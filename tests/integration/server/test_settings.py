from datetime import timedelta
from pathlib import Path

import pytest

from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.server.settings_sources import environment_name, known_keys, load_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "phoenix.yaml"


def test_without_anything_said_it_is_a_server_for_one_machine() -> None:
    settings = load_settings()
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8000)
    assert settings.is_embedded
    assert settings.database_url == f"sqlite:///{settings.folder}/phoenix.db"


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(
        "http: {host: file, port: 1, max_body: 2MiB}\ndrain: {timeout: 1m30s}\n", "utf-8"
    )
    monkeypatch.setenv("PHOENIX_HTTP__HOST", "environment")
    monkeypatch.setenv("PHOENIX_HTTP__PORT", "2")
    monkeypatch.setenv("PHOENIX_HTTP__FORWARDED_FROM", '["10.0.0.1"]')
    settings = load_settings(file, {"http": {"port": 3}})
    assert (settings.http.host, settings.http.port, settings.http.max_body) == (
        "environment",
        3,
        2 * 1024**2,
    )
    assert settings.http.forwarded_from == ("10.0.0.1",)
    assert settings.drain.timeout == timedelta(seconds=90)


def test_a_password_in_the_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOENIX_DATABASE__URL", "postgresql://phoenix:hunter2@db/phoenix")
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    assert settings.database_url.endswith("hunter2@db/phoenix")
    assert not settings.is_embedded


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("PHOENIX_HTTP__PRT", "PHOENIX_HTTP__PORT"),
        ("PHOENIX_HTTP_PORT", "PHOENIX_HTTP__PORT"),
        ("PHOENIX_DATABASE_URL", "PHOENIX_DATABASE__URL"),
        ("PHOENIX_DRAIN__TIME_OUT", "PHOENIX_DRAIN__TIMEOUT"),
        ("PHOENIX_LOG", "PHOENIX_LOG__LEVEL"),
    ],
)
def test_an_unknown_name_in_the_environment_is_refused_with_the_nearest(
    name: str, nearest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(InvalidInputError, match=rf"^{name}: no such setting; .* {nearest}\?$"):
        load_settings()


@pytest.mark.parametrize("name", ["PHOENIX_COLLECTOR", "PHOENIX_HTTPS", "PHOENIX_TRIAL_MARK"])
def test_names_of_other_programs_of_phoenix_are_left_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "x")
    load_settings()


def test_every_unknown_key_of_a_file_is_named(file: Path) -> None:
    file.write_text("htp: {port: 1}\ndatabase: {ulr: x}\ndata_directory: /srv\n", "utf-8")
    with pytest.raises(InvalidInputError) as refused:
        load_settings(file)
    first, second = str(refused.value).splitlines()
    assert first.endswith("htp: no such setting; did you mean http?")
    assert second.endswith("database.ulr: no such setting; did you mean database.url?")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("http: {port: 70000}", r"http\.port \(PHOENIX_HTTP__PORT\): .*65535"),
        ("http: {keep_alive: 5 minutes}", r"http\.keep_alive .*write 1s, 5m or 1h30m"),
        ("http: {max_body: lots}", r"http\.max_body .*write 512MiB"),
        ("events: {max_backlog: 0}", r"events\.max_backlog .*greater than 0"),
        ("log: {level: loud}", r"log\.level .*'debug', 'info'"),
        ("http: 8000", r"http \(PHOENIX_HTTP\): "),
        ("- a list", "holds no sections"),
        ("http: {", "cannot read"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(content: str, said: str, file: Path) -> None:
    file.write_text(content, "utf-8")
    with pytest.raises(InvalidInputError, match=said):
        load_settings(file)


def test_an_empty_file_says_nothing_and_a_missing_one_is_an_error(file: Path) -> None:
    file.write_text("", "utf-8")
    assert load_settings(file).http.port == 8000
    with pytest.raises(NotFoundError, match="--config"):
        load_settings(file.with_name("missing.yaml"))


def test_every_key_has_a_name_in_the_environment() -> None:
    assert environment_name("http.port") == "PHOENIX_HTTP__PORT"
    assert "data_directory" in known_keys()
    assert "xdg_data_home" not in known_keys()
