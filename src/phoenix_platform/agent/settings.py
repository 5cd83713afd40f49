"""What the environment says to the host side of Phoenix; the only place there that reads it.

Read once by each command and passed on. All of it is optional.
"""

import os
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_FOLDER: Final = "phoenix-platform"


class AgentSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="PHOENIX_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
    )

    collector: Path | None = None
    """`PHOENIX_COLLECTOR`: the collector binary to use where a command names none with `--collector`.
    Default: none; then the installed one, the built one and the ones on PATH are looked at."""

    cache_directory: Path | None = None
    """`PHOENIX_CACHE_DIRECTORY`: where the built collector lies; may be deleted at any time. Default:
    `$XDG_CACHE_HOME/phoenix-platform`, where other programs keep their caches too."""

    data_directory: Path | None = None
    """`PHOENIX_DATA_DIRECTORY`: where an installed collector and the keys that sign certificates lie. Default:
    `$XDG_DATA_HOME/phoenix-platform`."""

    agent_data_directory: Path | None = None
    """`PHOENIX_AGENT_DATA_DIRECTORY`: what the agent keeps: its identity, its credential, samples that wait.
    Default: `/var/lib/phoenix-agent` for root, else `$XDG_STATE_HOME/phoenix-agent`."""

    xdg_cache_home: Annotated[Path, Field(validation_alias="XDG_CACHE_HOME")] = Path("~/.cache")
    """`XDG_CACHE_HOME`: the user's caches. Default: `~/.cache`, as the XDG base directory specification says."""

    xdg_data_home: Annotated[Path, Field(validation_alias="XDG_DATA_HOME")] = Path("~/.local/share")
    """`XDG_DATA_HOME`: the user's data. Default: `~/.local/share`, as the XDG base directory specification says."""

    xdg_state_home: Annotated[Path, Field(validation_alias="XDG_STATE_HOME")] = Path(
        "~/.local/state"
    )
    """`XDG_STATE_HOME`: what programs keep for the user. Default: `~/.local/state`, as the XDG base directory
    specification says."""

    @property
    def caches(self) -> Path:
        return (self.cache_directory or self.xdg_cache_home / _FOLDER).expanduser()

    @property
    def built_collector(self) -> Path:
        """What `make collector` built last; need not exist."""
        return self.caches / "collector" / "current" / "phoenix-otelcol"

    @property
    def data(self) -> Path:
        return (self.data_directory or self.xdg_data_home / _FOLDER).expanduser()

    @property
    def installed_collector(self) -> Path:
        """What `phoenix collector install` put down; need not exist."""
        return self.data / "collector" / "otelcol"

    @property
    def signing_keys(self) -> Path:
        """The folder of the keys that sign certificates; made on first use."""
        return self.data / "keys"


def process_environment() -> dict[str, str]:
    """A copy of this process's environment, for collectors that a user's configuration makes read it."""
    return dict(os.environ)  # noqa: TID251 - the settings module, where the environment is read
