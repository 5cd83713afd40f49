"""What the environment says to the host side."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from phoenix_platform.agent.settings import AgentSettings, process_environment

NAMES = (
    "PHOENIX_COLLECTOR",
    "PHOENIX_CACHE_DIRECTORY",
    "PHOENIX_DATA_DIRECTORY",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
)


@pytest.fixture(autouse=True)
def _an_empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ada")


def test_by_default_everything_lies_in_the_user_s_home() -> None:
    settings = AgentSettings()
    assert settings.collector is None
    assert settings.built_collector == Path(
        "/home/ada/.cache/phoenix-platform/collector/current/phoenix-otelcol"
    )
    assert settings.installed_collector == Path(
        "/home/ada/.local/share/phoenix-platform/collector/otelcol"
    )


def test_the_xdg_folders_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    settings = AgentSettings()
    assert settings.caches == Path("/caches/phoenix-platform")
    assert settings.installed_collector == Path("/data/phoenix-platform/collector/otelcol")


def test_our_own_variables_win_and_an_empty_one_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    monkeypatch.setenv("PHOENIX_CACHE_DIRECTORY", "~/mine")
    monkeypatch.setenv("PHOENIX_COLLECTOR", "")
    settings = AgentSettings()
    assert settings.caches == Path("/home/ada/mine")
    assert settings.collector is None


def test_settings_do_not_change_and_take_no_unknown_name() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        AgentSettings().collector = Path("/x")  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        AgentSettings.model_validate({"colector": "/x"})


def test_the_environment_is_handed_on_as_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_NAME", "value")
    environment = process_environment()
    monkeypatch.setenv("SOME_NAME", "other")
    assert environment["SOME_NAME"] == "value"
