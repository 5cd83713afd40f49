"""`phoenix pipeline lint`: everything that is wrong with configurations, and the safe part mended."""

import difflib
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from phoenix_platform.cli.exit_codes import ExitCode
from phoenix_platform.cli.output import Output, OutputOption, note, print_json
from phoenix_platform.cli.pipelines.files import replace_file
from phoenix_platform.cli.pipelines.references import read_text
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import parse_version
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.lint.distributions import PHOENIX, get_distribution
from phoenix_platform.pipelines.lint.linting import fixed, lint, without_secrets
from phoenix_platform.pipelines.lint.subjects import LintFinding


class LintView(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    target: str | None
    """The distribution it was held against; null if none was named."""
    target_version: str | None
    is_fixed: bool
    """Whether --fix changed the file; the findings are those that remain."""
    findings: tuple[LintFinding, ...]


def lint_pipelines(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Configuration files, or names of the catalog."),
    ],
    target_version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", help="Release of the collector that is to run it, such as 0.161.0."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="DISTRIBUTION",
            help=f"Distribution that is to run it: otelcol, otelcol-contrib, otelcol-k8s or {PHOENIX}.",
        ),
    ] = None,
    *,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what is safe to mend, in the files.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what --fix changes, and change nothing.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings count as errors for the exit code.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say everything that is wrong with configurations, with line and column; exit 5 on an error."""
    version = (
        None if target_version is None else parse_version(target_version, field="target-version")
    )
    distribution = None if target is None else get_distribution(target)
    views: list[LintView] = []
    for file in files:
        text = read_text(file)
        if fix and not Path(file).is_file():
            raise InvalidInputError(
                f"{file}: --fix rewrites files; the catalog is not yours to mend"
            )
        mended = (
            fixed(text, name=file, distribution=distribution, version=version)
            if fix or diff
            else text
        )
        if diff:
            shown = without_secrets(_unified(file, text, mended), text, name=file)
            typer.echo(shown, nl=False, err=output is Output.JSON)
        elif mended != text:
            replace_file(Path(file), mended)
        read = text if diff else mended
        findings = lint(read, name=file, distribution=distribution, version=version)
        views.append(
            LintView(
                file=file, target=target, target_version=target_version,
                is_fixed=fix and not diff and mended != text, findings=findings,
            )
        )  # fmt: skip
    match output:
        case Output.JSON:
            print_json(views)
        case Output.TABLE:
            _print(views)
    counting = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    if any(one.severity in counting for view in views for one in view.findings):
        raise SystemExit(ExitCode.BAD_INPUT)


def _print(views: list[LintView]) -> None:
    """A line per finding, as editors and pagers read it; a table would fold the names of rules."""
    for view in views:
        for one in view.findings:
            about = f"{one.component}: " if one.component else ""
            fixable = ", --fix" if one.is_fixable else ""
            typer.echo(
                f"{view.file}:{one.line}:{one.column}: {one.severity.value}: {about}{one.message}; {one.fix} "
                f"[{one.rule}{fixable}]"
            )
        counts = ", ".join(
            f"{number} {severity.value}{'s' if number > 1 else ''}"
            for severity in Severity
            if (number := sum(one.severity is severity for one in view.findings))
        )
        note(f"{view.file}: {counts or 'nothing found'}{'; fixed' if view.is_fixed else ''}")


def _unified(file: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), file, f"{file} (fixed)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
