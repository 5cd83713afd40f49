"""`phoenix host`: the fleet of a control plane, and how a host joins it."""

from typing import Annotated, TypeAlias

import typer

from phoenix_platform.cli.contexts.choosing import ContextOption, control_plane
from phoenix_platform.cli.fleet_words import (
    YesOption,
    as_uuid,
    confirm,
    labels_of,
    short_hash,
    show_labels,
    show_time,
    the_one,
)
from phoenix_platform.cli.output import (
    NO_DATA,
    Output,
    OutputOption,
    note,
    print_json,
    print_table,
)
from phoenix_platform.client.connections import Address
from phoenix_platform.client.control_planes import ControlPlane
from phoenix_platform.core.errors import InvalidInputError, NotFoundError
from phoenix_platform.core.units import parse_duration, show_bytes
from phoenix_platform.wire.v1.hosts import HostView

app = typer.Typer(no_args_is_help=True, help="The hosts of a fleet.")

HostArgument: TypeAlias = Annotated[str, typer.Argument(metavar="HOST", help="Its name or id.")]
SelectorOption: TypeAlias = Annotated[
    str, typer.Option(help="Only hosts with these labels, such as env=prod,!canary.")
]


@app.command("list")
def list_hosts(
    selector: SelectorOption = "",
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the hosts of the fleet."""
    with control_plane(context) as plane:
        found = list(plane.hosts.all(selector))
    if output is Output.JSON:
        print_json(found)
        return
    print_table(
        ("name", "connected", "labels", "agent", "processes", "collectors"),
        [
            (
                host.name,
                "yes" if host.is_connected else f"no, last seen {show_time(host.last_seen_at)}",
                show_labels(host.labels),
                host.agent_version or host.kind,
                NO_DATA if host.processes is None else str(host.processes),
                ", ".join(f"{one.distribution} {one.version}" for one in host.collectors),
            )
            for host in found
        ],
    )


@app.command("show")
def show(
    host: HostArgument, context: ContextOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Show a host: what is wanted of it, what it says it does, what failed on it."""
    with control_plane(context) as plane:
        found = _the_host(plane, host)
        report = plane.hosts.report(found.id)
    if output is Output.JSON:
        print_json({"host": found, "report": report})
        return
    print_table(("", found.name), _rows_of(found))
    print_table(
        ("configuration", "hash", "since"),
        [(name, short_hash(fact.hash), show_time(fact.at)) for name, fact in found.facts.items()],
    )
    if found.quarantine:
        print_table(
            ("failed here", "at", "why"),
            [
                (short_hash(one.hash), show_time(one.at), "\n".join((one.reason, *one.log_tail)))
                for one in found.quarantine
            ],
        )


@app.command("enroll")
def enroll(
    label: Annotated[
        list[str] | None,
        typer.Option(help="Label that the host gets. Repeatable.", metavar="KEY=VALUE"),
    ] = None,
    expires_in: Annotated[str, typer.Option(help="How long the token opens the door.")] = "1h",
    server: Annotated[
        str | None,
        typer.Option(
            help="Address by which the host reaches the control plane. Default: that of the context.",
            metavar="URL",
        ),
    ] = None,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the one command to run on a host that shall join the fleet; it works once."""
    life = parse_duration(expires_in, field="--expires-in").total_seconds()
    labels = labels_of(label or [], field="--label")
    with control_plane(context) as plane:
        address = Address(url=server or plane.connection.address.url)
        issued = plane.hosts.issue_token(labels, expires_in_seconds=round(life))
    command = f"echo {issued.token} | phoenix agent enroll --server {address.url}"
    if not (address.is_encrypted or address.is_on_this_machine):
        command += " --allow-plain-http"
    if output is Output.JSON:
        print_json({"token": issued.token, "expires_at": issued.expires_at, "command": command})
        return
    typer.echo(command)
    note(f"run it on the host before {show_time(issued.expires_at)}; it lets one host in")
    if address.is_on_this_machine:
        note(
            f"{address.url} is this machine only; for other hosts let phoenix serve listen beyond it and name its "
            "address with --server"
        )


@app.command("label")
def label_host(
    host: HostArgument,
    changes: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE|KEY-…", help="Labels to set; KEY- takes one away."),
    ],
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Set labels of a host, or take them away; the others stay."""
    gone = {text.removesuffix("-") for text in changes if text.endswith("-") and "=" not in text}
    added = labels_of(
        (text for text in changes if text.removesuffix("-") not in gone), field="KEY=VALUE"
    )
    with control_plane(context) as plane:
        found = _the_host(plane, host)
        missing = gone - found.labels.keys()
        if missing:
            raise InvalidInputError(
                f"KEY-: {found.name} has no label {', '.join(sorted(missing))}; it has {show_labels(found.labels) or 'none'}"
            )
        kept = {key: value for key, value in found.labels.items() if key not in gone}
        changed = plane.hosts.set_labels(found, {**kept, **added})
    if output is Output.JSON:
        print_json(changed)
    else:
        print_table(("host", "labels"), [(changed.name, show_labels(changed.labels))])


@app.command("production")
def set_production(
    host: HostArgument,
    pipeline: Annotated[
        str | None,
        typer.Argument(
            help="Of the catalog, or your own as NAME or NAME@NUMBER.", metavar="PIPELINE"
        ),
    ] = None,
    unmanaged: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--unmanaged", help="Leave the production collector to itself.")
    ] = False,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let the host's production collector run this pipeline; it is changed blue/green."""
    if (pipeline is None) != unmanaged:
        raise InvalidInputError("PIPELINE: name one, or say --unmanaged")
    with control_plane(context) as plane:
        changed = plane.hosts.set_production(_the_host(plane, host), pipeline)
    if output is Output.JSON:
        print_json(changed)
    else:
        print_table(("host", "production"), [(changed.name, changed.production or "not managed")])


@app.command("release")
def release(
    host: HostArgument,
    configuration: Annotated[
        str, typer.Argument(help="Hash that failed there, or its beginning.", metavar="HASH")
    ],
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let a configuration that failed on the host be offered to it again."""
    with control_plane(context) as plane:
        found = _the_host(plane, host)
        hashes = [one.hash for one in found.quarantine]
        matches = [one for one in hashes if short_hash(one).startswith(short_hash(configuration))]
        if len(matches) != 1:
            failed = ", ".join(map(short_hash, hashes)) or "none"
            raise NotFoundError(
                f"HASH: {configuration!r} is not one that failed on {found.name}: {failed}"
            )
        changed = plane.hosts.release(found.id, matches[0])
    if output is Output.JSON:
        print_json(changed)
    else:
        note(f"released on {changed.name}: {short_hash(matches[0])}")


@app.command("remove")
def remove(
    host: HostArgument,
    yes: YesOption = False,  # noqa: FBT002 - a flag of the command line
    context: ContextOption = None,
) -> None:
    """Forget a host; its credential is worth nothing from now on."""
    with control_plane(context) as plane:
        found = _the_host(plane, host)
        confirm(f"Remove {found.name}? It has to enrol again to come back.", yes=yes)
        plane.hosts.remove(found.id)
        note(f"removed: {found.name} ({found.id})")


def _the_host(plane: ControlPlane, reference: str) -> HostView:
    wanted = as_uuid(reference)
    if wanted is None:
        return the_one(reference, plane.hosts.all(), noun="host")
    return plane.hosts.get(wanted)


def _rows_of(host: HostView) -> list[tuple[str, str]]:
    memory = NO_DATA if host.memory_bytes is None else show_bytes(host.memory_bytes)
    return [
        ("id", str(host.id)),
        ("labels", show_labels(host.labels)),
        ("connected", "yes" if host.is_connected else "no"),
        ("last seen", show_time(host.last_seen_at)),
        ("enrolled", show_time(host.enrolled_at)),
        ("agent", host.agent_version or host.kind),
        ("production collector", host.production or "not managed"),
        ("processors", NO_DATA if host.processors is None else str(host.processors)),
        ("memory", memory),
        ("processes", NO_DATA if host.processes is None else str(host.processes)),
        ("collectors", "\n".join(f"{one.distribution} {one.version}" for one in host.collectors)),
    ]
