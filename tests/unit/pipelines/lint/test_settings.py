import pytest
from tests.pipeline_builders import MINIMAL
from tests.unit.pipelines.lint.linted import findings, rules, with_processors

from phoenix_platform.pipelines.components import Version
from phoenix_platform.pipelines.findings import Severity

ADDRESS = MINIMAL + "  telemetry: {metrics: {address: 'localhost:9999'}}\n"


@pytest.mark.parametrize(
    ("target", "version", "severity"),
    [
        (None, None, Severity.WARNING),
        (None, (0, 100, 0), Severity.WARNING),
        (None, (0, 161, 0), Severity.ERROR),
        ("phoenix-otelcol", None, Severity.ERROR),
        ("otelcol-contrib", None, Severity.WARNING),
    ],
)
def test_a_setting_that_is_gone_is_an_error_where_it_was_seen_refused(
    target: str | None, version: Version | None, severity: Severity
) -> None:
    found = findings(ADDRESS, target=target, version=version)
    assert [
        (one.severity, one.line, one.column) for one in found if one.rule == "removed-setting"
    ] == [(severity, 14, 25)]


def test_the_ballast_of_the_memory_limiter_is_gone() -> None:
    text = with_processors(memory_limiter="{ballast_size_mib: 7}", batch="{}")
    assert rules(text) == ["removed-setting"]
    assert rules(with_processors(memory_limiter="{}")) == []
