"""A configuration that is started for a look shares nothing with the one in production."""

from pathlib import Path
from typing import Any

import pytest

from phoenix_platform.agent.rehearsals import RehearsalPlaces, ports_needed, rehearsal_of
from phoenix_platform.core.errors import UnavailableError
from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.configurations import Configuration, parse_configuration
from phoenix_platform.pipelines.documents import thawed

TEXT = """
receivers:
  otlp:
    protocols:
      grpc:
      http: {endpoint: "0.0.0.0:4318", cors: {allowed_origins: ["*"]}}
  zipkin: {}
  hostmetrics: {scrapers: {process: {}}}
  redis: {endpoint: "localhost:6379"}
processors: {batch: {}}
exporters:
  otlp_http/eu: {endpoint: https://example.com, headers: {api-key: secret}}
  prometheus: {endpoint: "0.0.0.0:9464"}
connectors: {forward: {}}
extensions:
  health_check: {endpoint: "0.0.0.0:13133"}
  file_storage/queue: {directory: /var/lib/otelcol}
service:
  extensions: [health_check, file_storage/queue]
  telemetry: {logs: {output_paths: [/var/log/otelcol.log]}}
  pipelines:
    metrics/in: {receivers: [otlp, zipkin, hostmetrics, redis], processors: [batch], exporters: [forward]}
    metrics/out: {receivers: [forward], exporters: [otlp_http/eu, prometheus]}
"""


def a_configuration() -> Configuration:
    return parse_configuration(TEXT, name="c.yaml")


def rehearsed() -> dict[str, dict[str, Any]]:
    places = RehearsalPlaces(ports=(1000, 1001, 1002, 1003, 1004), folder=Path("/own"))
    value: dict[str, dict[str, Any]] = thawed(rehearsal_of(a_configuration(), places, Target()))
    return value


def test_every_listener_gets_a_port_of_its_own_written_or_not() -> None:
    assert ports_needed(a_configuration()) == 5
    sections = rehearsed()
    assert sections["receivers"]["otlp"] == {
        "protocols": {
            "grpc": {"endpoint": "127.0.0.1:1002"},
            "http": {"endpoint": "127.0.0.1:1001", "cors": {"allowed_origins": ["*"]}},
        }
    }
    assert sections["receivers"]["zipkin"] == {"endpoint": "127.0.0.1:1003"}
    assert sections["extensions"]["health_check"] == {"endpoint": "127.0.0.1:1004"}


def test_a_receiver_that_asks_keeps_whom_it_asks() -> None:
    assert rehearsed()["receivers"]["redis"] == {"endpoint": "localhost:6379"}


def test_exporters_lead_nowhere_and_connectors_stay() -> None:
    sections = rehearsed()
    assert sections["exporters"] == {"nop/otlp_http_eu": {}, "nop/prometheus": {}}
    pipelines = sections["service"]["pipelines"]
    assert pipelines["metrics/out"] == {
        "receivers": ["forward"],
        "processors": [],
        "exporters": ["nop/otlp_http_eu", "nop/prometheus"],
    }
    assert pipelines["metrics/in"]["exporters"] == ["forward"]


def test_storage_gets_a_folder_of_its_own_and_logs_go_to_stderr() -> None:
    sections = rehearsed()
    assert sections["extensions"]["file_storage/queue"] == {
        "directory": "/own",
        "create_directory": True,
    }
    assert "output_paths" not in str(sections["service"]["telemetry"])
    assert "1000" in str(sections["service"]["telemetry"])


def test_a_collector_without_nop_gets_debug() -> None:
    target = Target.of_components({Kind.EXPORTER: {"debug"}})
    places = RehearsalPlaces(ports=(1, 2, 3, 4, 5), folder=Path("/own"))
    assert "debug/prometheus" in str(rehearsal_of(a_configuration(), places, target))


def test_a_collector_with_neither_cannot_be_rehearsed() -> None:
    target = Target.of_components({Kind.EXPORTER: {"file"}})
    places = RehearsalPlaces(ports=(1, 2, 3, 4, 5), folder=Path("/own"))
    with pytest.raises(UnavailableError, match="neither a nop nor a debug exporter"):
        rehearsal_of(a_configuration(), places, target)
