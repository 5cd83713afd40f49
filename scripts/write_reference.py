"""Writes `docs/reference/`: commands, exit codes and settings, from the code itself.

`python scripts/write_reference.py` rewrites the files; `tests/architecture` fails when they are stale.
"""

import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import typer
from pydantic import BaseModel

from phoenix_platform.__main__ import build_app
from phoenix_platform.adapters.prometheus.settings import PrometheusSettings
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.experiments.files import experiment_schema
from phoenix_platform.client.settings import ClientSettings
from phoenix_platform.server.settings import ServerSettings
from phoenix_platform.server.settings_sources import environment_name, known_keys
from phoenix_platform.wire.v1.guardrails import QueryGuardrailsFile

FOLDER = Path(__file__).parent.parent / "docs" / "reference"

_MEANING_OF = {
    ExitCode.OK: "done; of a trial: `promote`",
    ExitCode.BUG: "a bug of ours; the traceback is on stderr",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.NOT_FOUND: "something that was named does not exist",
    ExitCode.CONFLICT: "not possible in this state",
    ExitCode.BAD_INPUT: "a value or a file is wrong; the message names it and the fix",
    ExitCode.UNAVAILABLE: "a program, a file or a peer failed; trying again may help",
    ExitCode.DENIED: "nobody is signed in at the control plane, or may not do this there",
    ExitCode.STOP_FUTILE: "verdict `stop_futile`: the candidate does not save enough",
    ExitCode.INCONCLUSIVE: "verdict `inconclusive`: no decision within the time",
    ExitCode.INVALID: "verdict `invalid`: the run proves nothing",
    ExitCode.ABORT: "verdict `abort`: a guardrail was broken",
    ExitCode.INTERRUPTED: "ended by Ctrl-C (SIGINT)",
    ExitCode.TERMINATED: "ended by SIGTERM or SIGHUP",
}


def pages() -> dict[str, str]:
    """Every page of the reference by its file name."""
    return {
        "commands.md": "".join(_commands()),
        "exit-codes.md": "".join(_exit_codes()),
        "settings.md": "".join(_settings()),
        "experiment.schema.json": _schema_text(experiment_schema()),
        "guardrails.schema.json": _schema(QueryGuardrailsFile),
    }


def _commands() -> Iterator[str]:
    yield "# Commands\n\nWritten from the code by `scripts/write_reference.py`. `--help` says the same.\n"
    yield from _command(typer.main.get_command(build_app([])), "phoenix")


def _command(command: Any, name: str) -> Iterator[str]:
    children = getattr(command, "commands", {})
    if not children:
        yield f"\n## `{name}`\n\n{inspect.cleandoc(command.help or '')}\n"
        shown = [one for one in command.params if one.name != "help"]
        if shown:
            yield "\n| parameter | meaning | default |\n|---|---|---|\n"
            yield from map(_parameter, shown)
    for child_name, child in children.items():
        yield from _command(child, f"{name} {child_name}")


def _parameter(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    name = ", ".join(parameter.opts) if is_option else (parameter.metavar or parameter.name.upper())
    default = parameter.default
    shown = (
        "required" if parameter.required else "" if default in (None, [], ()) else f"`{default}`"
    )
    return f"| `{name}` | {(parameter.help or '').replace('|', chr(92) + '|')} | {shown} |\n"


def _exit_codes() -> Iterator[str]:
    yield "# Exit codes\n\nStable. Below 20 the command did not do its work.\n\n| code | meaning |\n|---|---|\n"
    for code in ExitCode:
        yield f"| {code.value} | {_MEANING_OF[code]} |\n"


def _settings() -> Iterator[str]:
    yield "# Settings\n\nRead from the environment, all optional.\n\n"
    yield from _own_words(AgentSettings)
    yield "\n## Of commands that talk to a control plane\n\n"
    yield from _own_words(ClientSettings)

    yield "\n## Of a site's Prometheus\n\nWho is asked the [guardrails by queries](../guardrails.md).\n\n"
    for name in PrometheusSettings.model_fields:
        yield f"- `PHOENIX_PROMETHEUS__{name.upper()}`: {_meaning(PrometheusSettings, name)}\n"
    yield "\n## Of the server\n\n`phoenix serve` and `phoenix migrate` read these and those of a site's Prometheus, or the same keys from `--config FILE.yaml` (`http: {port: 8000}`). A key that\n"
    yield "does not exist is an error. Durations are written `30s` or `1h30m`, sizes `1MiB`.\n"
    groups: list[tuple[str, type[BaseModel]]] = [("", ServerSettings), *groups_of(ServerSettings)]
    for group, model in groups:
        shown = [name for name in model.model_fields if environment_name_of(group, name)]
        if not shown or model is PrometheusSettings:  # those stand above
            continue
        yield f"\n### {group or 'Common'}\n\n"
        yield from (_server_setting(group, model, name) for name in shown)


def _own_words(settings: type[BaseModel]) -> Iterator[str]:
    """Settings whose words under the field name the variable and the default themselves."""
    source = inspect.getsource(settings)
    for name in settings.model_fields:
        match = re.search(rf'^    {name}:.*?"""(.*?)"""', source, re.DOTALL | re.MULTILINE)
        assert match, name
        yield f"- {' '.join(match[1].split())}\n"


def groups_of(settings: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def environment_name_of(group: str, name: str) -> str | None:
    """How the environment spells it; None for groups, and for names that are not ours."""
    key = f"{group}.{name}" if group else name
    return environment_name(key) if key in known_keys() else None


def _server_setting(group: str, model: type[BaseModel], name: str) -> str:
    return f"- `{environment_name_of(group, name)}`: {_meaning(model, name)}\n"


def _meaning(model: type[BaseModel], name: str) -> str:
    match = re.search(
        rf'^    {name}:.*?"""(.*?)"""', inspect.getsource(model), re.DOTALL | re.MULTILINE
    )
    assert match, name
    default = model.model_fields[name].default
    said = "" if default is None else f" Default: `{_shown(default)}`."
    return f"{' '.join(match[1].split())}{said}"


def _schema(kind: type[msgspec.Struct]) -> str:
    """The JSON schema of a file that people write, for editors and for CI."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(kind),
    }
    return _schema_text(schema)


def _schema_text(schema: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def _shown(default: object) -> str:
    match default:
        case timedelta():
            return default_duration(default)
        case tuple():
            return str(list(default)).replace("'", '"')
        case _:
            return str(default)


def default_duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
