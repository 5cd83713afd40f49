"""`phoenix agent`: the program on each host of a fleet. What it does is in `agent`; here are its words."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from phoenix_platform.agent.binaries import find_collector
from phoenix_platform.agent.daemon import DaemonOptions, run_agent
from phoenix_platform.agent.data_folders import OF_ROOT, DataFolder, default_folder
from phoenix_platform.agent.enrolment import EnrolmentRequest
from phoenix_platform.agent.enrolment import enroll as enroll_host
from phoenix_platform.agent.identities import (
    enrolment_in,
    identity_in,
    read_credential,
    read_machine,
)
from phoenix_platform.agent.install import Installation, unit_text
from phoenix_platform.agent.install import install as install_service
from phoenix_platform.agent.install import uninstall as uninstall_service
from phoenix_platform.agent.journal import log_to_stderr
from phoenix_platform.agent.settings import AgentSettings, process_environment
from phoenix_platform.agent.statuses import is_running, read_status
from phoenix_platform.cli.agents_tables import rows_of
from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.output import Output, OutputOption, note, print_json, print_table
from phoenix_platform.core.clock import SystemClock
from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.core.units import parse_bytes

app = typer.Typer(no_args_is_help=True, help="The program on each host of a fleet.")

DataDirectoryOption = Annotated[
    Path | None,
    typer.Option(
        help="What the agent keeps. Default: /var/lib/phoenix-agent for root, else in your state folder.",
        envvar="PHOENIX_AGENT_DATA_DIRECTORY",
    ),
]


@app.command("run")
def run(
    data_directory: DataDirectoryOption = None,
    desired_state: Annotated[
        Path | None,
        typer.Option(
            help="Take the desired state from this file, and again when it changes; for a host without a "
            "control plane.",
            metavar="FILE",
        ),
    ] = None,
    spool_size: Annotated[
        str, typer.Option(help="Most bytes of samples that wait on the disk; the oldest go first.")
    ] = "512MiB",
) -> None:
    """Run the agent in the foreground until SIGTERM; what it says goes to stderr as JSON lines."""
    settings, clock = AgentSettings(), SystemClock()
    folder = _folder(data_directory, settings)
    log_to_stderr()
    with folder.locked():
        identity = identity_in(folder, read_machine(), clock)
        enrolment = enrolment_in(folder, identity)
        if enrolment is None and desired_state is None:
            raise NotFoundError(
                f"{folder.path}: this host is not enrolled; run phoenix agent enroll, or name a file with "
                "--desired-state"
            )
        options = DaemonOptions(
            folder=folder,
            identity=identity,
            enrolment=enrolment,
            credential=None if enrolment is None else read_credential(folder),
            desired_file=desired_state,
            settings=settings,
            environment=process_environment(),
            max_spool_bytes=parse_bytes(spool_size, field="--spool-size"),
        )
        asyncio.run(run_agent(options, clock=clock))
    raise typer.Exit(ExitCode.OK)


@app.command("enroll")
def enroll(
    server: Annotated[str, typer.Option(help="URL of the control plane.", show_default=False)],
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the enrolment token; `-` or nothing: standard input.", metavar="FILE"
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The host's name in the fleet. Default: the kernel's.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="Label of the host, for selectors. Repeatable.", metavar="KEY=VALUE"),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(help="Certificates to trust beside the system's, PEM.", metavar="FILE"),
    ] = None,
    allow_plain_http: Annotated[  # noqa: FBT002 - a flag of the command line
        bool,
        typer.Option(
            "--allow-plain-http",
            help="Let credential and samples cross the network in the clear.",
        ),
    ] = False,
    data_directory: DataDirectoryOption = None,
) -> None:
    """Let this host into a fleet: exchange a single-use token for a credential of its own.

    The token is read from a file or standard input, never from the command line, which others can see.
    """
    settings, clock = AgentSettings(), SystemClock()
    folder = _folder(data_directory, settings)
    request = EnrolmentRequest(
        server=server,
        token=_token(token_file),
        labels=_labels(label or []),
        host_name=name,
        ca_file=None if ca_file is None else str(ca_file.absolute()),
        allows_plain_http=allow_plain_http,
    )
    with folder.locked():
        identity = identity_in(folder, read_machine(), clock)
        enrolment = asyncio.run(enroll_host(request, folder=folder, identity=identity, clock=clock))
    note(f"enrolled as {enrolment.host_name} ({enrolment.host_id}) with {enrolment.server}")
    note("start it with phoenix agent run, or as a service with phoenix agent install")


@app.command("install")
def install(
    collector: Annotated[
        Path | None,
        typer.Option(help="Collector that the service runs; it gets a copy.", metavar="PATH"),
    ] = None,
    print_unit: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--print", help="Only print the unit.")
    ] = False,
    root: Annotated[
        Path,
        typer.Option(help="Write the files below this folder and start nothing, as for an image."),
    ] = Path("/"),
    data_directory: DataDirectoryOption = None,
) -> None:
    """Install the agent as a systemd service under a user of its own. Enrol first, or afterwards."""
    settings = AgentSettings()
    folder = DataFolder(_service_folder(data_directory, settings).path.absolute())
    if print_unit:
        typer.echo(unit_text(folder), nl=False)
        return
    installation = Installation(
        folder=folder, collector=find_collector(collector, settings), root=root.absolute()
    )
    for sentence in install_service(installation):
        note(sentence)


@app.command("uninstall")
def uninstall(
    purge: Annotated[  # noqa: FBT002 - a flag of the command line
        bool,
        typer.Option(
            "--purge", help="Also remove the identity and all samples that were not delivered."
        ),
    ] = False,
    root: Annotated[Path, typer.Option(help="As for install.")] = Path("/"),
    data_directory: DataDirectoryOption = None,
) -> None:
    """Stop and remove the service, and the production collector that it kept."""
    folder = DataFolder(_service_folder(data_directory, AgentSettings()).path.absolute())
    for sentence in uninstall_service(folder, purge=purge, root=root.absolute()):
        note(sentence)


@app.command("status")
def status(data_directory: DataDirectoryOption = None, output: OutputOption = Output.TABLE) -> None:
    """Say how the agent of this host is; exit 6 when it does not run."""
    folder = _folder(data_directory, AgentSettings())
    found = read_status(folder)
    if found is None:
        raise NotFoundError(f"{folder.path}: no agent has run here; see phoenix agent run")
    runs = is_running(found)
    match output:
        case Output.JSON:
            print_json({"is_running": runs, "status": found})
        case Output.TABLE:
            print_table(("", ""), list(rows_of(found, is_running=runs)))
    if not runs:
        note("the agent does not run: this is how it was when it ended")
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _service_folder(named: Path | None, settings: AgentSettings) -> DataFolder:
    chosen = named or settings.agent_data_directory
    return DataFolder(chosen) if chosen else DataFolder(OF_ROOT)


def _folder(named: Path | None, settings: AgentSettings) -> DataFolder:
    chosen = named or settings.agent_data_directory
    return DataFolder(chosen.expanduser()) if chosen else default_folder(settings.xdg_state_home)


def _token(file: Path | None) -> str:
    if file is None or str(file) == "-":
        if sys.stdin.isatty():
            note("paste the enrolment token and press Enter")
        return sys.stdin.readline().strip()
    try:
        return file.read_text("ascii").strip()
    except FileNotFoundError as error:
        raise NotFoundError(f"--token-file: no such file: {file}") from error


def _labels(texts: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidInputError(f"--label: not KEY=VALUE: {text!r}; write env=prod")
        labels[key] = value
    return labels
