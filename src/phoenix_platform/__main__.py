"""The `phoenix` command: joins its parts, each imported only when it is called."""

import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Final, NoReturn

import typer

from phoenix_platform.cli.exit_codes import ExitCode, errors_as_exit_codes
from phoenix_platform.cli.output import Output, OutputOption, print_json
from phoenix_platform.cli.outside import Outside, Queries
from phoenix_platform.core.clock import Clock


@dataclass(frozen=True, slots=True)
class Part:
    """A command that lives in a module of its own: a noun (`app`), or a program (a function)."""

    help: str
    module: str
    attribute: str = "app"


PARTS: Final[Mapping[str, Part]] = {
    "trial": Part(
        "Try two pipelines on the same scrapes of this host, with a verdict.",
        "phoenix_platform.cli.trial.command",
        "trial",
    ),
    "experiment": Part(
        "Try two pipelines on many hosts, with a verdict.", "phoenix_platform.cli.experiments.app"
    ),
    "host": Part("The hosts of a fleet.", "phoenix_platform.cli.hosts"),
    "record": Part("Read and verify the records of trials.", "phoenix_platform.cli.records"),
    "certificate": Part(
        "Signed records of verdicts: make, show and verify them.",
        "phoenix_platform.cli.certificates",
    ),
    "key": Part("The key that signs your certificates.", "phoenix_platform.cli.keys"),
    "report": Part(
        "Make the HTML report of a trial from its record.",
        "phoenix_platform.cli.reports.command",
        "report",
    ),
    "pipeline": Part("Pipelines: the catalog and your own.", "phoenix_platform.cli.pipelines.app"),
    "ledger": Part(
        "Ask the ledger of reduce why a process is not shown by its name.",
        "phoenix_platform.cli.ledger",
    ),
    "prices": Part(
        "Price books: what vendors bill, your own, and what a record costs.",
        "phoenix_platform.cli.prices",
    ),
    "collector": Part(
        "Collector binaries: find, ask, validate, install.", "phoenix_platform.cli.collectors"
    ),
    "loadsim": Part("Simulate load with real processes.", "phoenix_platform.cli.loadsim"),
    "serve": Part(
        "Run the control plane: REST, events and OpAMP on one port.",
        "phoenix_platform.server.command",
        "serve",
    ),
    "migrate": Part(
        "Bring the control plane's database to this version's schema.",
        "phoenix_platform.server.command",
        "migrate",
    ),
    "agent": Part(
        "The program on each host of a fleet: run, enrol, install it.",
        "phoenix_platform.cli.agents",
    ),
    "load": Part("Load simulations on hosts of the fleet.", "phoenix_platform.cli.loads"),
    "user": Part("The people of a tenant.", "phoenix_platform.cli.users"),
    "service-account": Part("The programs of a tenant.", "phoenix_platform.cli.service_accounts"),
    "apikey": Part("Keys for programs and for yourself.", "phoenix_platform.cli.api_keys"),
    "tenant": Part("The tenants of an installation.", "phoenix_platform.cli.tenants"),
    "audit": Part("Who changed what, and whether that is whole.", "phoenix_platform.cli.audit"),
    "context": Part("The control planes that you know.", "phoenix_platform.cli.contexts.app"),
    "login": Part("Sign in to a control plane.", "phoenix_platform.cli.login", "login"),
    "logout": Part("End a session at a control plane.", "phoenix_platform.cli.login", "logout"),
    "doctor": Part(
        "Check what Phoenix needs on this host.", "phoenix_platform.cli.doctor", "doctor"
    ),
}


def build_app(arguments: Sequence[str]) -> typer.Typer:
    """The command with the parts that these arguments name; the others by name and help only."""
    app = typer.Typer(
        name="phoenix",
        no_args_is_help=True,
        help="Process metrics at a price you choose, with proof.",
        pretty_exceptions_enable=False,  # a bug shows its plain traceback, without local variables
    )
    app.command("version")(version)
    named = {argument for argument in arguments if argument in PARTS}
    for name, part in PARTS.items():
        if name in named or not arguments:
            _add(app, name, part)
        else:
            app.command(name, help=part.help)(_not_loaded)
    return app


def version(output: OutputOption = Output.TABLE) -> None:
    """Show the version of Phoenix and of Python."""
    from phoenix_platform.core.version import VERSION

    facts = {"phoenix": VERSION, "python": ".".join(map(str, sys.version_info[:3]))}
    if output is Output.JSON:
        print_json(facts)
    else:
        typer.echo(f"phoenix {facts['phoenix']} (Python {facts['python']})")


def main() -> None:
    with errors_as_exit_codes():
        try:
            # Without arguments a shell may be asking for completions: then everything is there.
            build_app(sys.argv[1:])(obj=Outside(_open_queries))
        except KeyboardInterrupt:
            raise SystemExit(ExitCode.INTERRUPTED) from None


@asynccontextmanager
async def _open_queries(url: str | None, clock: Clock) -> AsyncGenerator[Queries]:
    """What `phoenix trial` asks a site's Prometheus with."""
    from phoenix_platform.adapters.prometheus.queries import open_queries
    from phoenix_platform.adapters.prometheus.settings import settings_from_environment

    settings = settings_from_environment()
    named = settings if url is None else settings.model_copy(update={"url": url})
    async with open_queries(named, clock) as queries:
        yield queries


def _add(app: typer.Typer, name: str, part: Part) -> None:
    found = getattr(import_module(part.module), part.attribute)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name, help=part.help)
    else:
        app.command(name)(found)


def _not_loaded() -> NoReturn:
    """Stands for a part in the help of the program; never called."""
    raise AssertionError


if __name__ == "__main__":
    main()
