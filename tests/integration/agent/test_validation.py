"""A real collector's judgement of a configuration: where, which component, its own words."""

import socket
from pathlib import Path

import pytest

from phoenix_platform.agent.binaries import BinarySource, CollectorBinary
from phoenix_platform.agent.validation import Finding, validate_configuration
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.components import Kind

pytestmark = pytest.mark.collector

FRAME = """\
receivers:
  otlp: {{protocols: {{http: {http}}}}}
processors:
  batch: {batch}
  filter/mine: {{metrics: {{metric: [{condition}]}}}}
exporters:
  otlp_http: {exporter}
service:
  pipelines:
    metrics:
      receivers: [otlp]
      processors: [{processors}]
      exporters: [otlp_http]
"""


def a_text(
    *,
    http: str = "{}",
    batch: str = "{}",
    condition: str = "'name == \"x\"'",
    exporter: str = "{endpoint: https://example.com, headers: {api-key: aSecretOfOurs}}",
    processors: str = "batch, filter/mine",
) -> str:
    return FRAME.format(
        http=http, batch=batch, condition=condition, exporter=exporter, processors=processors
    )


async def findings_in(collector: CollectorBinary, text: str) -> list[Finding]:
    return await validate_configuration(collector, text, place="mine.yaml")


async def test_a_good_configuration_was_seen_running(collector: CollectorBinary) -> None:
    assert await findings_in(collector, a_text()) == []


@pytest.mark.parametrize("name", [entry.name for entry in catalog.entries()])
async def test_every_pipeline_of_the_catalog_runs(collector: CollectorBinary, name: str) -> None:
    text = catalog.get(name).text
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://example.com",
        "PHOENIX_OTLP_ENDPOINT": "https://example.com",
    }
    assert await validate_configuration(collector, text, place=name, environment=environment) == []


async def test_ports_in_use_here_do_not_matter(collector: CollectorBinary) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        endpoint = f"{{endpoint: '127.0.0.1:{taken.getsockname()[1]}'}}"
        assert await findings_in(collector, a_text(http=endpoint)) == []


async def test_what_only_a_start_shows_is_found(collector: CollectorBinary) -> None:
    [finding] = await findings_in(
        collector, a_text(http="{tls: {cert_file: /missing/cert, key_file: /missing/key}}")
    )
    assert finding.place == "mine.yaml:2:3"
    assert finding.component == "otlp"
    assert "open /missing/cert: no such file or directory" in finding.message


@pytest.mark.parametrize(
    ("text", "place", "component", "words"),
    [
        pytest.param(
            a_text(batch="{timeoot: 1s}"), "mine.yaml:4:11", "batch", "has invalid keys: timeoot", id="key"
        ),
        pytest.param(a_text(batch="{timeout: soon}"), "mine.yaml:4:3", "batch", "'timeout' time: invalid duration", id="value"),
        pytest.param(
            a_text(condition="'name =='"), "mine.yaml:5:3", "filter/mine", "invalid syntax", id="ottl"
        ),
        pytest.param(
            a_text(processors="batch, resource"),
            "mine.yaml:10:5",
            "resource",
            'references processor "resource" which is not configured',
            id="undefined",
        ),
        pytest.param(
            a_text().replace("batch", "fish"), "mine.yaml:4:3", "fish", 'unknown type: "fish"', id="type"
        ),
        pytest.param(
            a_text().replace("    metrics:\n", "    traces:\n").replace("batch, filter/mine", "interval").replace("batch:", "interval:"),
            "mine.yaml:4:3",
            "interval",
            "telemetry type is not supported",
            id="signal",
        ),
        pytest.param("receivers: [", "mine.yaml:1:13", None, "not valid YAML", id="no-yaml"),
        pytest.param(a_text() + "a: 1\n", "mine.yaml:14:1", None, "has invalid keys: a", id="top-level-key"),
    ],
)  # fmt: skip
async def test_a_fault_is_named_with_its_place_and_component(
    collector: CollectorBinary, text: str, place: str, component: str | None, words: str
) -> None:
    [finding] = await findings_in(collector, text)
    assert (finding.place, finding.component) == (place, component)
    assert words in finding.message


async def test_faults_of_several_components_are_all_named(collector: CollectorBinary) -> None:
    text = a_text(condition="'name =='", batch="{send_batch_size: 9, send_batch_max_size: 1}")
    findings = await findings_in(collector, text)
    assert {finding.component for finding in findings} == {"batch", "filter/mine"}


async def test_a_component_with_an_older_type_is_named_as_the_file_does(
    collector: CollectorBinary,
) -> None:
    receiver = "hostmetrics: {scrapers: {process: {include: {names: ['['], match_type: regexp}}}}"
    text = a_text().replace("otlp: {protocols: {http: {}}}", receiver)
    text = text.replace("receivers: [otlp]", "receivers: [hostmetrics]")
    [finding] = await findings_in(collector, text)
    assert (finding.place, finding.component) == ("mine.yaml:2:3", "hostmetrics")


async def test_secrets_are_masked_in_the_collectors_words(collector: CollectorBinary) -> None:
    condition = '\'name == "aSecretOfOurs" and name == "anotherSecret" and\''
    [finding] = await validate_configuration(
        collector,
        a_text(condition=condition),
        place="mine.yaml",
        environment={"API_TOKEN": "anotherSecret"},
    )
    assert finding.message.count("***") == 2
    assert "Secret" not in finding.message


async def test_what_the_collector_takes_and_we_do_not_read_is_named_too(
    collector: CollectorBinary,
) -> None:
    text = a_text().replace("batch: {}", "batch: {timeout: !!str 1s}")
    findings = await findings_in(collector, text)
    assert [finding.place for finding in findings] in ([], ["mine.yaml:4:20"])


def a_collector_that(tmp_path: Path, script: str) -> CollectorBinary:
    program = tmp_path / "collector"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return CollectorBinary(
        path=program,
        source=BinarySource.NAMED,
        distribution="x",
        version="1",
        upstream_version=None,
        build_id=None,
        sha256="",
        components={Kind.EXPORTER: frozenset({"nop"})},
    )


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("[ $1 = validate ] || exit 1", "it ended without a word"),
        ("[ $1 = validate ] || { echo last line >&2; exit 1; }", "last line"),
        ("exit 1", "it ended without a word"),
    ],
)
async def test_a_collector_that_ends_without_a_reason_is_a_finding(
    tmp_path: Path, script: str, words: str
) -> None:
    [finding] = await findings_in(a_collector_that(tmp_path, script), a_text())
    assert (finding.message, finding.place) == (words, "mine.yaml")


async def test_a_collector_that_never_becomes_ready_is_ended_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phoenix_platform.agent.validation._START_SECONDS", 0.3)
    script = "[ $1 = validate ] || { echo waiting >&2; exec sleep 100; }"
    [finding] = await findings_in(a_collector_that(tmp_path, script), a_text())
    assert finding.message == "not ready 0.3 s after its start; its last line: waiting"


async def test_a_collector_that_hangs_in_validate_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phoenix_platform.agent.validation._VALIDATE_SECONDS", 0.2)
    with pytest.raises(UnavailableError, match="validate: no answer"):
        await findings_in(a_collector_that(tmp_path, "exec sleep 100"), a_text())


async def test_a_collector_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phoenix_platform.agent.validation._STOP_SECONDS", 0.2)
    script = (
        "[ $1 = validate ] && exit 0; trap '' TERM; echo Everything is ready >&2; exec sleep 100"
    )
    assert await findings_in(a_collector_that(tmp_path, script), a_text()) == []


async def test_a_collector_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    binary = a_collector_that(tmp_path, "")
    binary.path.unlink()
    with pytest.raises(UnavailableError, match="does not run: No such file"):
        await findings_in(binary, a_text())
