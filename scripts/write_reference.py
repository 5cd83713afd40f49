"""Writes `docs/reference/`: commands, exit codes and settings, from the code itself.

`python scripts/write_reference.py` rewrites the files; `tests/architecture` fails when they are stale.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from phoenix_platform.__main__ import build_app
from phoenix_platform.agent.settings import AgentSettings
from phoenix_platform.cli.exit_codes import ExitCode

FOLDER = Path(__file__).parent.parent / "docs" / "reference"

_MEANING_OF = {
    ExitCode.OK: "done; of a trial: `promote`",
    ExitCode.BUG: "a bug of ours; the traceback is on stderr",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.NOT_FOUND: "something that was named does not exist",
    ExitCode.CONFLICT: "not possible in this state",
    ExitCode.BAD_INPUT: "a value or a file is wrong; the message names it and the fix",
    ExitCode.UNAVAILABLE: "a program, a file or a peer failed; trying again may help",
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
    source = inspect.getsource(AgentSettings)
    for name in AgentSettings.model_fields:
        match = re.search(rf'^    {name}:.*?"""(.*?)"""', source, re.DOTALL | re.MULTILINE)
        assert match, name
        yield f"- {' '.join(match[1].split())}\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
