"""The report as one file: sections, template and style sheet joined, nothing loaded from elsewhere.

The policy in the head of the page forbids everything but this one style sheet, by its hash. So nothing
that a name could smuggle in would run, load or send anything.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from importlib.resources import files
from typing import Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from phoenix_platform.cli.reports.blocks import Section
from phoenix_platform.cli.reports.markup import readable
from phoenix_platform.cli.reports.sections.configurations import configurations
from phoenix_platform.cli.reports.sections.costs import costs
from phoenix_platform.cli.reports.sections.criticals import criticals
from phoenix_platform.cli.reports.sections.facts import facts, verification
from phoenix_platform.cli.reports.sections.fidelity import fidelity
from phoenix_platform.cli.reports.sections.guardrails import guardrails
from phoenix_platform.cli.reports.sections.losses import losses
from phoenix_platform.cli.reports.sections.resources import resources
from phoenix_platform.cli.reports.sections.savings import savings
from phoenix_platform.cli.reports.sections.totals import totals
from phoenix_platform.cli.reports.sections.verdict import head_of
from phoenix_platform.cli.reports.sections.volumes import volumes
from phoenix_platform.cli.reports.subjects import Subject

_PACKAGE: Final = "phoenix_platform.cli.reports"

SECTIONS: Final[tuple[Callable[[Subject], Section], ...]] = (
    savings,
    volumes,
    criticals,
    guardrails,
    totals,
    fidelity,
    resources,
    costs,
    losses,
    configurations,
    facts,
    verification,
)
"""In the order of the page: for who decides first, for who checks after."""


def page_of(subject: Subject) -> str:
    """The whole page. The same subject gives the same page."""
    style = _template("report.css")
    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    return environment.get_template("report.html.j2").render(
        head=head_of(subject),
        sections=[section(subject) for section in SECTIONS],
        style=style,
        style_hash=_hash(style),
        file_name=subject.file_name,
    )


def _finalized(value: object) -> object:
    """Every text that the templates write passes here: what cannot be seen is made visible."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    # A number and its sign stay on one line.
    return readable(value).replace(" %", "\N{NO-BREAK SPACE}%")


def _template(name: str) -> str:
    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")


def _hash(style: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}"
