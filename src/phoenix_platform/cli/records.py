"""`phoenix record`: read the record of a trial, and reach its verdict again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer

from phoenix_platform.analysis.records import differences, judge_again
from phoenix_platform.cli.output import Output, OutputOption, print_json, print_table
from phoenix_platform.core.errors import InvalidInputError, NotFoundError

app = typer.Typer(no_args_is_help=True, help="Records of trials.")

RecordArgument = Annotated[Path, typer.Argument(help="A record that phoenix trial wrote.")]


@app.command()
def show(file: RecordArgument, output: OutputOption = Output.TABLE) -> None:
    """Show what a record holds: its verdict, or what was known when it broke off."""
    facts = record_facts(read_record(file))
    if output is Output.JSON:
        print_json(facts)
    else:
        print_facts(facts)


@app.command()
def verify(file: RecordArgument, output: OutputOption = Output.TABLE) -> None:
    """Compute the verdict again from the samples, and compare it with the recorded one."""
    record = read_record(file)
    again = judge_again(record)
    found = differences(record, again)
    if output is Output.JSON:
        print_json({"verified": not found, "verdict": again.verdict, "differences": found})
    elif not found:
        typer.echo(f"verified: {again.verdict}, computed again from {again.intervals} intervals")
    if found:
        raise InvalidInputError(f"{file}: the record contradicts itself: {'; '.join(found)}")


def record_facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says, as `show` prints it.

    Raises:
        InvalidInputError: If it is no record.
    """
    judgement: Any = record.get("judgement")
    again = judge_again(record)
    return {
        "id": record.get("id"),
        "started": record.get("started_at"),
        "ended": record.get("ended_at"),
        "host": record.get("host", {}).get("name"),
        "collector": " ".join(
            str(record.get("collector", {}).get(key)) for key in ("distribution", "version")
        ),
        "baseline": record["variants"]["baseline"]["name"],
        "candidate": record["variants"]["candidate"]["name"],
        "verdict": judgement["verdict"] if judgement else None,
        "scope": judgement.get("scope") if judgement else None,
        "intervals": again.intervals,
        "window_reduction": {
            state.objective.value: state.window_reduction for state in again.reductions
        },
        "guardrails": {guardrail.name: guardrail.status for guardrail in again.guardrails},
        "reasons": list(again.reasons),
        "needed": list(again.needed),
    }


def print_facts(facts: Mapping[str, Any]) -> None:
    print_table(("what", "value"), [(key, _cell(value)) for key, value in facts.items()])


def read_record(file: Path) -> dict[str, Any]:
    """The record in a file.

    Raises:
        NotFoundError: If there is no such file.
        InvalidInputError: If it is not a JSON object.
    """
    try:
        record: Any = msgspec.json.decode(file.read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(f"no record at {file}") from error
    except OSError as error:
        raise InvalidInputError(f"cannot read {file}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise InvalidInputError(f"{file} is no record of a trial: it is not a JSON object")
    return cast("dict[str, Any]", record)


def _cell(value: object) -> str:
    match value:
        case None:
            return "no data"
        case list():
            return "\n".join(map(str, cast("list[object]", value)))
        case dict():
            return "\n".join(
                f"{key}: {part}" for key, part in cast("dict[str, object]", value).items()
            )
        case _:
            return str(value)
