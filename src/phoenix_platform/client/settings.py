"""What the environment says to programs that talk to a control plane; read once by each command and passed on."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from phoenix_platform.core.local_files import PLATFORM_FOLDER, SERVER_FOLDER


class ClientSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="PHOENIX_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    context: str | None = None
    """`PHOENIX_CONTEXT`: which control plane to talk to where a command names none with `--context`. Default:
    the one that `phoenix context use` chose, else the one on this machine."""

    server: str | None = None
    """`PHOENIX_SERVER`: address of a control plane without a context, as in CI; goes with `PHOENIX_API_KEY`.
    Default: none."""

    api_key: SecretStr | None = None
    """`PHOENIX_API_KEY`: the key for `PHOENIX_SERVER`. Default: none."""

    data_directory: Path | None = None
    """`PHOENIX_DATA_DIRECTORY`: where the control plane on this machine keeps its key for the command line, in the
    folder `server`. Default: `$XDG_DATA_HOME/phoenix-platform`, the same as for `phoenix serve`."""

    xdg_data_home: Annotated[Path, Field(validation_alias="XDG_DATA_HOME")] = Path("~/.local/share")
    """`XDG_DATA_HOME`: the user's data. Default: `~/.local/share`, as the XDG base directory specification says."""

    xdg_config_home: Annotated[Path, Field(validation_alias="XDG_CONFIG_HOME")] = Path("~/.config")
    """`XDG_CONFIG_HOME`: the user's configuration, where contexts are kept. Default: `~/.config`, as the XDG base
    directory specification says."""

    @property
    def server_folder(self) -> Path:
        """Of the control plane on this machine; need not exist."""
        base = self.data_directory or self.xdg_data_home / PLATFORM_FOLDER
        return base.expanduser() / SERVER_FOLDER

    @property
    def contexts_file(self) -> Path:
        return self.xdg_config_home.expanduser() / PLATFORM_FOLDER / "contexts.json"
