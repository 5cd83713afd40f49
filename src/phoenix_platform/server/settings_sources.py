"""Joins command line, environment and file into `ServerSettings`; every mistake names the key, and the nearest known one.

The settings commands call `load_settings`; nothing else reads the environment for the server.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.server.settings import ServerSettings

_PREFIX: Final = "PHOENIX_"
_Content: TypeAlias = dict[str, dict[str, Any] | list[Any] | str | int | float | bool | None]


def load_settings(
    config: Path | None = None, overrides: Mapping[str, Mapping[str, Any] | Path] | None = None
) -> ServerSettings:
    """The settings of this process.

    Args:
        config: A YAML file with groups as sections.
        overrides: What the command line says, by group.

    Raises:
        NotFoundError: If the file does not exist.
        InvalidInputError: On an unknown key or a wrong value; names all of them.
    """
    in_file = {} if config is None else _read(config)
    mistakes = [*_unknown_in_file(in_file, str(config)), *_unknown_in_environment(os.environ)]  # noqa: TID251 - the settings module, where the environment is read
    if mistakes:
        raise InvalidInputError("\n".join(mistakes))

    class Sourced(ServerSettings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            said = InitSettingsSource(settings_cls, dict(overrides or {}))
            return said, env_settings, InitSettingsSource(settings_cls, in_file)

    try:
        return Sourced()
    except ValidationError as error:
        raise InvalidInputError("\n".join(_mistakes(error))) from error


def known_keys() -> list[str]:
    """Every key as `group.field`; top-level fields by their name alone."""
    keys: list[str] = []
    for name, info in ServerSettings.model_fields.items():
        group = info.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            keys += [f"{name}.{field}" for field in group.model_fields]
        elif info.validation_alias is None:
            keys.append(name)
    return keys


def environment_name(key: str) -> str:
    """`http.port` as the environment spells it: `PHOENIX_HTTP__PORT`."""
    return _PREFIX + key.replace(".", "__").upper()


def _read(path: Path) -> _Content:
    try:
        yaml: Any = YAML(typ="safe")
        found: object = yaml.load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"--config: no file {path}") from error
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise InvalidInputError(f"--config: cannot read {path}: {error}") from error
    if found is None:
        return {}
    try:
        return msgspec.convert(found, _Content)
    except msgspec.ValidationError as error:
        raise InvalidInputError(
            f"--config: {path} holds no sections; write `http:` and below it `port: 8000`"
        ) from error


def _unknown_in_file(content: _Content, path: str) -> Iterator[str]:
    known = known_keys()
    sections = {key.partition(".")[0] for key in known}
    for section, value in content.items():
        if section not in sections:
            yield _unknown(f"{path}: {section}", _nearest(section, sections))
        elif isinstance(value, dict) and section not in known:
            for field in value:
                key = f"{section}.{field}"
                if key not in known:
                    yield _unknown(f"{path}: {key}", _nearest(key, known))


def _unknown_in_environment(environment: Mapping[str, str]) -> Iterator[str]:
    """Names that begin like a group of the server; other programs of Phoenix have names of their own."""
    known = {environment_name(key) for key in known_keys()}
    groups = {name.partition("__")[0] for name in known if "__" in name}
    for name in sorted(environment):
        upper = name.upper()
        is_ours = any(upper == group or upper.startswith(f"{group}_") for group in groups)
        if is_ours and upper not in known:
            yield _unknown(name, _nearest(upper, known))


def _nearest(key: str, known: "set[str] | list[str]") -> str:
    return difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.0)[0]


def _unknown(key: str, nearest: str) -> str:
    return f"{key}: no such setting; did you mean {nearest}?"


def _mistakes(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in one["loc"])
        yield f"{key} ({environment_name(key)}): {one['msg'].removeprefix('Value error, ')}"
