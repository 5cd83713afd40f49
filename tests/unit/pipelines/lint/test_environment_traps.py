import pytest
from tests.pipeline_builders import MINIMAL
from tests.unit.pipelines.lint.linted import findings, rules

from phoenix_platform.pipelines.components import Version
from phoenix_platform.pipelines.findings import Severity


def sending_to(endpoint: str) -> str:
    return MINIMAL.replace("http://vendor.example", endpoint)


@pytest.mark.parametrize(
    ("endpoint", "version", "expected"),
    [
        ("${env:A}", None, ["env-not-set"]),
        ("${env:A}${env:A}", None, ["env-not-set"]),
        ("${env:A:-}", None, []),
        ("${env:A:- }", None, ["env-default-not-for-empty"]),
        ("${env:A:-b}", None, ["env-default-not-for-empty"]),
        ("${env:A:-b}", (0, 109, 0), ["env-default-not-for-empty", "env-default-not-yet"]),
        ("${env:A:-b}", (0, 110, 0), ["env-default-not-for-empty"]),
        ("${env:A:-010}", None, ["env-default-not-for-empty", "env-default-retyped"]),
        ("${env:A:-1_000}", None, ["env-default-not-for-empty", "env-default-retyped"]),
        ("${env:A:-10}", None, ["env-default-not-for-empty"]),
        ("${env:A:-true}", None, ["env-default-not-for-empty"]),
        ("'${env:A:-[}'", None, ["env-default-not-for-empty"]),
        ("$HOST_NAME", None, ["env-without-braces"]),
        ("$$HOST_NAME", None, []),
        ("$$$HOST_NAME", None, ["env-without-braces"]),
        ("a$b", None, []),
        ("$${a}${env:B}", None, ["env-after-escape", "env-not-set"]),
        ("${env:B}$${a}", None, ["env-not-set"]),
    ],
)
def test_what_the_collector_makes_of_references(
    endpoint: str, version: Version | None, expected: list[str]
) -> None:
    text = sending_to(endpoint)
    found = rules(text, version=version)
    assert [rule for rule in found if rule.startswith("env")] == expected


def test_a_bare_name_is_only_a_note_where_it_is_still_read() -> None:
    text = sending_to("$HOST_NAME").replace("host_metrics", "hostmetrics").replace("_http", "http")
    assert [one.severity for one in findings(text)][-1] is Severity.WARNING
    old = [one for one in findings(text, version=(0, 100, 0)) if one.rule == "env-without-braces"]
    assert [one.severity for one in old] == [Severity.NOTE]


def test_a_finding_names_the_component_and_never_the_default() -> None:
    (found, *_) = findings(sending_to("${env:A:-s3cret}"))
    assert (found.component, found.line, found.column) == ("otlp_http", 8, 5)
    assert "s3cret" not in found.message
