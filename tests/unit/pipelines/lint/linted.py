"""What lint finds in a text, short enough to compare."""

from phoenix_platform.pipelines.components import Version
from phoenix_platform.pipelines.lint.distributions import get_distribution
from phoenix_platform.pipelines.lint.linting import fixed, lint
from phoenix_platform.pipelines.lint.subjects import LintFinding

PIPELINE = """\
receivers:
  host_metrics: {{scrapers: {{process: }}}}
processors:
{processors}
exporters:
  otlp_http: {{endpoint: "http://vendor.example"}}
service:
  pipelines:
    metrics:
      receivers: [host_metrics]
      processors: [{order}]
      exporters: [otlp_http]
"""


def with_processors(**processors: str) -> str:
    """A pipeline of these processors (`__` for `/`), each with its settings as flow YAML."""
    named = {key.replace("__", "/"): settings for key, settings in processors.items()}
    lines = "\n".join(f"  {id_}: {settings}" for id_, settings in named.items())
    return PIPELINE.format(processors=lines or "  {}", order=", ".join(named))


def findings(
    text: str, *, target: str | None = None, version: Version | None = None
) -> tuple[LintFinding, ...]:
    distribution = None if target is None else get_distribution(target)
    return lint(text, name="a.yaml", distribution=distribution, version=version)


def rules(text: str, *, target: str | None = None, version: Version | None = None) -> list[str]:
    return [one.rule for one in findings(text, target=target, version=version)]


def places(text: str, rule: str) -> list[tuple[int, int, str]]:
    return [(one.line, one.column, one.component) for one in findings(text) if one.rule == rule]


def mended(text: str, *, target: str | None = None, version: Version | None = None) -> str:
    distribution = None if target is None else get_distribution(target)
    return fixed(text, name="a.yaml", distribution=distribution, version=version)
