import pytest
from tests.pipeline_builders import MINIMAL
from tests.unit.pipelines.lint.linted import findings, mended, rules

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.components import Kind, Version
from phoenix_platform.pipelines.findings import Severity
from phoenix_platform.pipelines.lint.distributions import (
    Standing,
    distributions,
    get_distribution,
)


def exporting(exporter: str, settings: str = "{}") -> str:
    text = MINIMAL.replace("  otlp_http:\n    endpoint: http://vendor.example\n", "")
    text = text.replace("exporters:\n", f"exporters:\n  {exporter}: {settings}\n", 1)
    return text.replace("[otlp_http]", f"[{exporter}]")


@pytest.mark.parametrize(
    ("target", "version", "exporter", "expected"),
    [
        (None, None, "logging", [(Severity.WARNING, "removed-component")]),
        (None, None, "homegrown", [(Severity.WARNING, "unknown-component")]),
        (None, (0, 100, 0), "logging", []),
        (None, (0, 120, 0), "logging", [(Severity.ERROR, "removed-component")]),
        (None, (0, 20, 0), "homegrown", [(Severity.NOTE, "cannot-tell")]),
        ("otelcol-contrib", None, "homegrown", [(Severity.ERROR, "unknown-component")]),
        ("otelcol-contrib", (0, 80, 0), "debug", [(Severity.ERROR, "component-not-yet")]),
        ("otelcol-contrib", (0, 500, 0), "homegrown", [(Severity.NOTE, "cannot-tell")]),
        ("otelcol-contrib", (0, 500, 0), "debug", []),
        ("otelcol", (0, 120, 0), "datadog", [(Severity.ERROR, "unknown-component")]),
        ("phoenix-otelcol", None, "datadog", [(Severity.ERROR, "unknown-component")]),
        ("phoenix-otelcol", None, "otlp_grpc", []),
    ],
)
def test_what_the_target_has(
    target: str | None, version: Version | None, exporter: str, expected: list[tuple[Severity, str]]
) -> None:
    text = exporting(exporter).replace("host_metrics", "hostmetrics")
    found = findings(text, target=target, version=version)
    assert {(one.severity, one.rule) for one in found if one.rule != "old-name"} == set(expected)


def test_what_was_removed_says_since_when_and_what_instead() -> None:
    (found,) = findings(exporting("logging"), target="otelcol-contrib")
    assert found.message == "the exporter 'logging' is gone from otelcol-contrib since 0.111.0"
    assert found.fix == "use the debug exporter (verbosity: instead of loglevel:)"


def test_what_was_removed_before_the_tables_is_known_too() -> None:
    text = MINIMAL.replace("exporters:\n", "processors: {queued_retry: }\nexporters:\n", 1)
    assert "removed-component" in rules(text)


def test_a_type_without_its_underscore_is_misspelt() -> None:
    text = MINIMAL.replace("exporters:\n", "processors: {memorylimiter: }\nexporters:\n", 1)
    found = [one for one in findings(text) if one.rule == "unknown-component"]
    assert [(one.severity, one.fix) for one in found] == [(Severity.ERROR, "write memory_limiter")]


def test_old_names_are_a_note_and_are_written_new_only_for_a_known_target() -> None:
    text = MINIMAL.replace("host_metrics", "hostmetrics/a")
    (found,) = findings(text)
    assert (found.rule, found.severity, found.is_fixable) == ("old-name", Severity.NOTE, False)
    assert found.fix == "write host_metrics once every collector is 0.151.0 or later"
    assert mended(text) == text
    assert mended(text, version=(0, 150, 0)) == text
    assert mended(text, version=(0, 151, 0)) == MINIMAL.replace("host_metrics", "host_metrics/a")
    assert mended(text, target="phoenix-otelcol") == MINIMAL.replace(
        "host_metrics", "host_metrics/a"
    )


def test_new_names_are_an_error_for_a_target_before_them() -> None:
    (found, *_) = findings(MINIMAL, version=(0, 150, 0))
    assert (found.rule, found.severity) == ("name-not-yet", Severity.ERROR)
    old = MINIMAL.replace("host_metrics", "hostmetrics")
    assert mended(MINIMAL, version=(0, 150, 0)) == old
    assert mended(MINIMAL, version=(0, 100, 0)) == old.replace("otlp_http", "otlphttp")


def test_a_name_of_unknown_age_is_left_alone() -> None:
    text = MINIMAL.replace("exporters:\n", "processors: {delta_to_rate: }\nexporters:\n", 1)
    found = [one for one in findings(text, version=(0, 161, 0)) if one.rule == "name-not-yet"]
    assert [one.message for one in found] == [
        "'delta_to_rate' is the name in later releases; the target knows it as 'deltatorate'"
    ]
    assert "old-name" not in rules(text.replace("delta_to_rate", "deltatorate"))


def test_the_logging_exporter_becomes_debug() -> None:
    text = exporting("logging", "{loglevel: debug, sampling_initial: 2}  # seen")
    assert mended(text) == text
    assert mended(text, version=(0, 161, 0)) == exporting(
        "debug", "{verbosity: detailed, sampling_initial: 2}  # seen"
    )
    plain = exporting("logging/x", "")
    assert mended(plain, version=(0, 161, 0)) == exporting("debug/x", "")
    odd = exporting("logging", "{loglevel: '${env:LEVEL}'}")
    assert mended(odd, version=(0, 161, 0)) == odd
    multi = exporting("logging", "{loglevel: 7}")
    assert mended(multi, version=(0, 161, 0)) == multi


def test_the_tables_cover_every_distribution_and_say_how_far() -> None:
    contrib = get_distribution("otelcol-contrib")
    assert contrib.standing(Kind.EXPORTER, "logging", contrib.first) is Standing.PRESENT
    assert contrib.standing(Kind.EXPORTER, "logging", None) is Standing.REMOVED
    assert contrib.standing(Kind.RECEIVER, "host_metrics", (0, 1, 0)) is Standing.CANNOT_TELL
    assert set(distributions()) == {"otelcol", "otelcol-contrib", "otelcol-k8s", "phoenix-otelcol"}


def test_a_distribution_without_a_table_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="target: no table of the distribution 'mine'"):
        get_distribution("mine")
