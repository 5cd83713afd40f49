"""Where a site's Prometheus is and how to sign in there, from the environment (`PHOENIX_PROMETHEUS__<FIELD>`).

The composition roots of `phoenix trial` and `phoenix serve` read them; docs/reference/settings.md is written
from this file.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.units import parse_duration


def _duration(value: object) -> object:
    try:
        return parse_duration(value, field="duration") if isinstance(value, str) else value
    except InvalidInputError as error:
        raise ValueError(str(error)) from error  # what pydantic gathers, with the field's place


class PrometheusSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: str | None = None
    """Base URL of the site's Prometheus or of what speaks its API, with a path if it has one
    (`https://mimir.example/prometheus`). Default: none; then a run that asks queries must name one."""

    bearer_token: SecretStr | None = None
    """A token to send as `Authorization: Bearer`. Prefer the file: other processes cannot read it."""

    bearer_token_file: Path | None = None
    """A file with that token; read for every request, so that a rotated one is taken up at once."""

    username: str | None = None
    """For basic authentication, with a password."""

    password: SecretStr | None = None
    """For basic authentication. Prefer the file."""

    password_file: Path | None = None
    """A file with that password; read for every request."""

    ca_file: Path | None = None
    """PEM certificates to believe instead of the system's, for a Prometheus behind a private CA."""

    deadline: Annotated[timedelta, Field(gt=timedelta(0)), BeforeValidator(_duration)] = timedelta(
        seconds=10
    )
    """The most that one question may take, all retries included; Prometheus is told to give up then too. Queries of
    dashboards answer within a second or two."""

    @model_validator(mode="after")
    def _check_one_way_in(self) -> Self:
        ways = [
            name
            for name in ("bearer_token", "bearer_token_file", "username")
            if getattr(self, name) is not None
        ]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)}: two ways to sign in; keep one")
        passwords = [
            name for name in ("password", "password_file") if getattr(self, name) is not None
        ]
        if (self.username is None) != (not passwords) or len(passwords) > 1:
            raise ValueError(
                "username: goes with one of password and password_file; give both or none"
            )
        return self


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="PHOENIX_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    prometheus: PrometheusSettings = PrometheusSettings()


def settings_from_environment() -> PrometheusSettings:
    """What this process's environment says.

    Raises:
        InvalidInputError: On an unknown field or a wrong value; names all of them.
    """
    try:
        return _Environment().prometheus
    except ValidationError as error:
        raise InvalidInputError(
            "\n".join(
                f"PHOENIX_{'__'.join(str(part).upper() for part in one['loc'])}: "
                f"{one['msg'].removeprefix('Value error, ')}"
                for one in error.errors(include_url=False, include_input=False)
            )
        ) from error
