"""`phoenix experiment`: two pipelines on the same input of many hosts, under a control plane."""

import typer

from phoenix_platform.cli.experiments.creating import create
from phoenix_platform.cli.experiments.moving import cancel, delete, start, stop, watch
from phoenix_platform.cli.experiments.showing import (
    certificate,
    compare,
    list_experiments,
    samples,
    show,
)

app = typer.Typer(no_args_is_help=True, help="Try two pipelines on many hosts, with a verdict.")
app.command("create")(create)
app.command("list")(list_experiments)
app.command("show")(show)
app.command("start")(start)
app.command("watch")(watch)
app.command("stop")(stop)
app.command("cancel")(cancel)
app.command("delete")(delete)
app.command("samples")(samples)
app.command("certificate")(certificate)
app.command("compare")(compare)
