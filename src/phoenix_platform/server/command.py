"""`phoenix serve` and `phoenix migrate`: the control plane from the command line."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer
import uvloop

from phoenix_platform.server.composition import check, run
from phoenix_platform.server.logs import configure_logs
from phoenix_platform.server.migrate import migrate as migrate_database
from phoenix_platform.server.settings import ServerSettings
from phoenix_platform.server.settings_sources import load_settings

EXIT_CODE_OF: Final = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Those of `phoenix_platform.cli.exit_codes`, which the server does not import."""

DatabaseOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        help="Where state lives: sqlite:///FILE (one process) or postgresql://…; default: a file in the data directory.",
        show_default=False,
    ),
]
DataOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Where database, keys and the command line's credential lie.",
        show_default=False,
    ),
]
ConfigOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE.yaml", help="Settings by group, as YAML.", show_default=False
    ),
]
CheckOption: TypeAlias = Annotated[
    bool,
    typer.Option("--check", help="Validate settings and connections, say what was found, and end."),
]


def serve(
    *,
    database_url: DatabaseOption = None,
    host: Annotated[
        str | None,
        typer.Option(help="The address to listen on; default 127.0.0.1.", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="The one port of REST, events and OpAMP; default 8000, 0: a free one.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataOption = None,
    config: ConfigOption = None,
    check_only: CheckOption = False,
) -> None:
    """Run the control plane: REST, events and OpAMP on one port.

    Every option is a setting too (docs/reference/settings.md). Without any it keeps its state in SQLite in the data
    directory and listens on loopback. SIGTERM drains it.
    """
    settings = load_settings(config, _overrides(database_url, data_dir, host=host, port=port))
    if check_only:
        for line in asyncio.run(check(settings)):
            typer.echo(line)
        return
    _configure_logs(settings)
    ended_by = uvloop.run(run(settings))
    raise SystemExit(EXIT_CODE_OF.get(ended_by, 0) if ended_by is not None else 0)


def migrate(
    database_url: DatabaseOption = None, data_dir: DataOption = None, config: ConfigOption = None
) -> None:
    """Bring the database to this version's schema; does nothing when it is there already."""
    settings = load_settings(config, _overrides(database_url, data_dir))
    _configure_logs(settings)
    typer.echo(asyncio.run(migrate_database(settings)))


def _overrides(
    database_url: str | None, data_dir: Path | None, **http: str | int | None
) -> dict[str, Any]:
    """What was said on the command line, as settings."""
    overrides: dict[str, Any] = {}
    if database_url is not None:
        overrides["database"] = {"url": database_url}
    if data_dir is not None:
        overrides["data_directory"] = data_dir
    said = {name: value for name, value in http.items() if value is not None}
    if said:
        overrides["http"] = said
    return overrides


def _configure_logs(settings: ServerSettings) -> None:
    configure_logs(settings.log.level, settings.log.format)
