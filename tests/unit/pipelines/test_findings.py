from tests.pipeline_builders import MINIMAL, a_configuration

from phoenix_platform.pipelines.findings import Finding, Severity, findings_in


def found(text: str) -> list[tuple[Severity, str, str, str]]:
    def parts(finding: Finding) -> tuple[Severity, str, str, str]:
        return finding.severity, finding.place, finding.component, finding.message

    return [parts(finding) for finding in findings_in(a_configuration(text))]


def test_a_plain_configuration_has_no_findings() -> None:
    assert found(MINIMAL) == []


def test_what_is_defined_and_not_used_is_a_warning() -> None:
    text = "processors: {batch: }\nextensions: {zpages: }\n" + MINIMAL
    message = "defined and not used; name it in {} or remove it"
    assert found(text) == [
        (Severity.WARNING, "a.yaml:1:14", "batch", message.format("a pipeline")),
        (Severity.WARNING, "a.yaml:2:14", "zpages", message.format("service.extensions")),
    ]


def test_old_names_are_noted() -> None:
    text = MINIMAL.replace("host_metrics", "hostmetrics/x")
    assert found(text) == [
        (
            Severity.NOTE,
            "a.yaml:2:3",
            "hostmetrics/x",
            "hostmetrics is the old name of host_metrics; newer collectors accept it with a warning",
        )
    ]


def test_variables_without_a_default_are_noted_once() -> None:
    text = MINIMAL.replace("http://vendor.example", "${env:B}${env:A}${env:A}${env:C:-c}")
    assert [message for *_, message in found(text)] == [
        "needs the environment variable A; without it the value is empty",
        "needs the environment variable B; without it the value is empty",
    ]


def test_what_a_trial_leaves_out_is_noted() -> None:
    text = "connectors: {count: }\n" + MINIMAL.replace(
        "exporters: [otlp_http]", "exporters: [otlp_http, count]"
    )
    text += "    logs: {receivers: [count], exporters: [otlp_http]}\n"
    assert [message for *_, message in found(text)] == [
        "not measured in a trial: connector count of pipeline metrics (a.yaml:12:5): it leads to what is not measured",
        "not measured in a trial: pipeline logs (a.yaml:15:5): another signal",
    ]


def test_a_configuration_that_cannot_be_tried_is_noted_with_its_place() -> None:
    text = MINIMAL.replace("    metrics:\n", "    logs:\n")
    ((severity, place, component, message),) = found(text)
    assert (severity, place, component) == (Severity.NOTE, "a.yaml:10:3", "")
    assert message.startswith("no metrics pipeline is fed by host_metrics")
