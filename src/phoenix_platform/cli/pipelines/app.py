"""`phoenix pipeline`: look at the catalog, and check a configuration before it goes anywhere."""

import typer

from phoenix_platform.cli.pipelines.diff import diff_pipelines
from phoenix_platform.cli.pipelines.export import export_to
from phoenix_platform.cli.pipelines.lint import lint_pipelines
from phoenix_platform.cli.pipelines.publishing import publish, versions
from phoenix_platform.cli.pipelines.show import list_pipelines, show_pipeline
from phoenix_platform.cli.pipelines.validate import validate_pipeline

app = typer.Typer(
    no_args_is_help=True, help="Look at the catalog and check collector configurations."
)
app.command("list")(list_pipelines)
app.command("show")(show_pipeline)
app.command("validate")(validate_pipeline)
app.command("lint")(lint_pipelines)
app.command("diff")(diff_pipelines)
app.command("export")(export_to)
app.command("publish")(publish)
app.command("versions")(versions)
