from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.configurations import parse_configuration
from phoenix_platform.pipelines.production import ProductionPlan, plan_production

PLAIN = """
receivers:
  host_metrics: {collection_interval: 10s, scrapers: {process: {}}}
exporters:
  otlp_http: {endpoint: "http://sink:4318"}
service:
  pipelines:
    metrics: {receivers: [host_metrics], exporters: [otlp_http]}
"""
TARGET = Target.of_components(
    {
        Kind.RECEIVER: frozenset({"host_metrics", "otlp", "nop"}),
        Kind.EXPORTER: frozenset({"otlp_http", "prometheus", "file", "nop"}),
        Kind.EXTENSION: frozenset({"health_check", "file_storage", "opamp"}),
    }
)


def plan(text: str) -> ProductionPlan:
    ports: Iterator[int] = count(20_000)
    return plan_production(
        parse_configuration(text, name="own"),
        next_port=ports.__next__,
        target=TARGET,
        instance="phoenix-production",
    )


def readers_of(config: dict[str, Any]) -> list[Any]:
    readers: list[Any] = config["service"]["telemetry"]["metrics"]["readers"]
    return readers


def test_a_scraper_and_a_pushing_exporter_may_be_there_twice_and_stay_as_they_are() -> None:
    planned = plan(PLAIN)
    assert planned.singles == planned.moved == ()
    assert planned.produces
    assert planned.config["receivers"] == {
        "host_metrics": {"collection_interval": "10s", "scrapers": {"process": {}}}
    }
    assert planned.config["exporters"] == {"otlp_http": {"endpoint": "http://sink:4318"}}
    assert planned.config["service"]["pipelines"] == {
        "metrics": {"receivers": ["host_metrics"], "exporters": ["otlp_http"]}
    }
    assert "extensions" not in planned.config
    (reader,) = readers_of(planned.config)
    assert reader["pull"]["exporter"]["prometheus"]["port"] == planned.telemetry_port


def test_a_receiver_that_others_send_to_can_be_there_once() -> None:
    text = PLAIN.replace(
        "exporters:\n", '  otlp: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}\nexporters:\n', 1
    )
    assert plan(text).singles == ()  # no pipeline names it, so it is not started
    used = text.replace("receivers: [host_metrics]", "receivers: [otlp]")
    planned = plan(used)
    assert planned.singles == ("receiver otlp listens on a port that others send to",)
    assert not planned.produces
    assert planned.config["receivers"]["otlp"]["protocols"]["http"]["endpoint"] == "0.0.0.0:4318"


@pytest.mark.parametrize(
    ("exporter", "sentence"),
    [
        (
            'prometheus: {endpoint: "0.0.0.0:9464"}',
            "exporter prometheus listens on a port that is scraped",
        ),
        ("file: {path: /var/metrics.json}", "exporter file writes a file"),
    ],
)
def test_an_exporter_that_holds_a_port_or_a_file_can_be_there_once(
    exporter: str, sentence: str
) -> None:
    text = PLAIN.replace('otlp_http: {endpoint: "http://sink:4318"}', exporter)
    text = text.replace("exporters: [otlp_http]", f"exporters: [{exporter.partition(':')[0]}]")
    assert plan(text).singles == (sentence,)


def test_extensions_that_listen_are_moved_and_those_with_files_can_be_there_once() -> None:
    text = PLAIN.replace(
        "service:\n",
        "extensions:\n"
        '  health_check / a: {endpoint: "0.0.0.0:13133"}\n'
        "  file_storage: {directory: /var/queue}\n"
        "  basicauth/client: {client_auth: {username: a}}\n"
        "  unused: {}\n"
        "service:\n"
        "  extensions: [health_check/a, file_storage, basicauth/client]\n",
    )
    planned = plan(text)
    assert planned.singles == ("extension file_storage locks its folder",)
    moved = planned.config["extensions"]["health_check / a"]["endpoint"]
    assert moved.startswith("127.0.0.1:2")
    assert planned.moved == (f"extension health_check/a listens on {moved}",)
    assert planned.config["extensions"]["basicauth/client"] == {"client_auth": {"username": "a"}}
    assert planned.config["extensions"]["file_storage"] == {"directory": "/var/queue"}


def test_the_users_telemetry_stays_but_for_the_port() -> None:
    text = PLAIN + (
        "  telemetry:\n"
        "    resource: {service.name: mine}\n"
        "    logs: {level: warn}\n"
        "    metrics:\n"
        "      level: detailed\n"
        "      address: ':8888'\n"
        "      readers:\n"
        "        - pull: {exporter: {prometheus: {host: localhost, port: 8888}}}\n"
        "        - periodic: {exporter: {otlp: {endpoint: 'http://sink:4318'}}}\n"
    )
    config = plan(text).config
    telemetry = config["service"]["telemetry"]
    assert telemetry["resource"] == {"service.name": "mine"}
    assert telemetry["logs"] == {"level": "warn"}
    assert telemetry["metrics"]["level"] == "detailed"
    assert "address" not in telemetry["metrics"]
    ours, theirs = readers_of(config)
    assert ours["pull"]["exporter"]["prometheus"]["port"] != 8888
    assert theirs == {"periodic": {"exporter": {"otlp": {"endpoint": "http://sink:4318"}}}}


def test_telemetry_that_is_switched_off_is_on_for_the_agent() -> None:
    text = PLAIN + "  telemetry: {metrics: {level: none}}\n"
    assert plan(text).config["service"]["telemetry"]["metrics"]["level"] == "normal"
