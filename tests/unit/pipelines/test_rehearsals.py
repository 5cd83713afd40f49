from itertools import count
from typing import Any

import pytest
from tests.pipeline_builders import a_configuration

from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.rehearsals import Rehearsal, plan_rehearsal

TEXT = """\
receivers:
{receivers}
processors: {{batch: {{timeout: 1s}}, remotetap: {{endpoint: "localhost:12001"}}}}
exporters: {{otlp_http: {{endpoint: http://vendor.example}}, prometheus: {{endpoint: "0.0.0.0:9464"}}}}
connectors: {{forward: }}
extensions: {{{extensions}}}
service:
  extensions: [{running}]
  telemetry: {{traces: {{processors: [x]}}}}
  pipelines:
    metrics: {{receivers: [{names}], processors: [batch], exporters: [otlp_http, prometheus, forward]}}
    metrics/2: {{receivers: [forward], exporters: [otlp_http]}}
"""


def rehearse(
    *receivers: str, extensions: str = "", running: str = "", target: Target | None = None
) -> Rehearsal:
    lines = "\n".join(f"  {receiver}" for receiver in receivers)
    names = ", ".join(receiver.partition(":")[0] for receiver in receivers)
    text = TEXT.format(receivers=lines, names=names, extensions=extensions, running=running)
    return plan_rehearsal(
        a_configuration(text),
        next_port=count(9000).__next__,
        folder="/run/rehearsal/",
        target=target or Target(),
    )


def receiver_of(rehearsal: Rehearsal, id_: str) -> Any:
    return rehearsal.config["receivers"][id_]


def test_exporters_lead_nowhere_and_the_rest_stays() -> None:
    config = rehearse("otlp: {}").config
    assert config["exporters"] == {"nop/phoenix": {}}
    assert config["connectors"] == {"forward": {}}
    assert config["processors"]["batch"] == {"timeout": "1s"}
    assert config["service"]["pipelines"] == {
        "metrics": {
            "receivers": ["otlp"],
            "processors": ["batch"],
            "exporters": ["nop/phoenix", "forward"],
        },
        "metrics/2": {"receivers": ["forward"], "processors": [], "exporters": ["nop/phoenix"]},
    }


def test_a_collector_without_nop_prints_instead() -> None:
    target = Target.of_components({Kind.EXPORTER: ["debug"]})
    assert rehearse("otlp: {}", target=target).config["exporters"] == {"debug/phoenix": {}}


def test_its_own_telemetry_has_a_free_port_and_nothing_else() -> None:
    rehearsal = rehearse("otlp: {}")
    telemetry = rehearsal.config["service"]["telemetry"]
    (reader,) = telemetry["metrics"]["readers"]
    assert reader["pull"]["exporter"]["prometheus"]["port"] == rehearsal.telemetry_port == 9000
    assert "traces" not in telemetry


@pytest.mark.parametrize(
    ("receiver", "settings"),
    [
        ("otlp: {protocols: {http: , grpc: {endpoint: '0.0.0.0:4317', tls: {cert_file: c}}}}",
         {"protocols": {"http": {"endpoint": "127.0.0.1:9002"}, "grpc": {"endpoint": "127.0.0.1:9001", "tls": {"cert_file": "c"}}}}),
        ("otlp: {protocols: {grpc: {endpoint: /run/x.sock, transport: unix}}}",
         {"protocols": {"grpc": {"endpoint": "/run/x.sock", "transport": "unix"}}}),
        ("zipkin: ", {"endpoint": "127.0.0.1:9001"}),
        ("statsd: {endpoint: /run/x.sock, transport: unixgram}", {"endpoint": "/run/x.sock", "transport": "unixgram"}),
        ("syslog: {protocol: rfc5424, tcp: {listen_address: '0.0.0.0:54526'}}",
         {"protocol": "rfc5424", "tcp": {"listen_address": "127.0.0.1:9001"}}),
        ("tcplog: {listen_address: '0.0.0.0:54525'}", {"listen_address": "127.0.0.1:9001"}),
        ("redis: {endpoint: 'localhost:6379'}", {"endpoint": "localhost:6379"}),
        ("fluent_forward: {endpoint: '0.0.0.0:8006'}", {"endpoint": "127.0.0.1:9001"}),
    ],
)  # fmt: skip
def test_what_listens_gets_a_free_port_and_what_asks_keeps_its_address(
    receiver: str, settings: Any
) -> None:
    assert receiver_of(rehearse(receiver), receiver.partition(":")[0]) == settings


def test_processors_that_listen_get_a_free_port_too() -> None:
    assert rehearse("otlp: {}").config["processors"]["remotetap"] == {"endpoint": "127.0.0.1:9001"}


def test_extensions_get_ports_and_folders_of_their_own() -> None:
    rehearsal = rehearse(
        "otlp: {}",
        extensions="health_check: , healthcheckv2: {use_v2: true, http: {endpoint: 'x:1'}}, file_storage/a: {timeout: 1s}",
        running="health_check, file_storage/a",
    )
    assert rehearsal.config["extensions"] == {
        "health_check": {"endpoint": "127.0.0.1:9001"},
        "healthcheckv2": {
            "use_v2": True,
            "http": {"endpoint": "127.0.0.1:9003"},
            "endpoint": "127.0.0.1:9002",
        },
        "file_storage/a": {"timeout": "1s", "directory": "/run/rehearsal/file_storage_a"},
    }
    assert rehearsal.config["service"]["extensions"] == ["health_check", "file_storage/a"]
    assert rehearsal.folders == ("/run/rehearsal/file_storage_a",)


def test_what_speaks_for_production_is_left_out_by_name() -> None:
    rehearsal = rehearse(
        "otlp: {}", extensions="opamp: {server: {}}, zpages: ", running="opamp, zpages"
    )
    assert list(rehearsal.config["extensions"]) == ["zpages"]
    assert rehearsal.config["service"]["extensions"] == ["zpages"]
    assert rehearsal.notes == (
        "extension opamp (a.yaml:6:14): not started, it would speak for production",
    )


@pytest.mark.parametrize(
    ("target", "id_", "settings"),
    [
        (Target(), "nop/phoenix_kafka_a", {}),
        (
            Target.of_components({Kind.RECEIVER: ["kafka", "otlp"]}),
            "otlp/phoenix_kafka_a",
            {"protocols": {"http": {"endpoint": "127.0.0.1:9001"}}},
        ),
    ],
    ids=["nop", "otlp"],
)
def test_what_would_take_messages_from_production_is_replaced_by_name(
    target: Target, id_: str, settings: Any
) -> None:
    rehearsal = rehearse("kafka/a: {brokers: [b]}", target=target)
    assert rehearsal.config["receivers"] == {id_: settings}
    assert rehearsal.config["service"]["pipelines"]["metrics"]["receivers"] == [id_]
    assert rehearsal.notes == (
        "receiver kafka/a (a.yaml:2:3): not started, it would take messages from production",
    )


def test_reduce_writes_its_ledger_into_a_folder_of_its_own() -> None:
    reduce = "reduce/a: {top_k: {cpu: 1}, ledger: {path: /var/l, max_megabytes: 1}}"
    text = TEXT.format(
        receivers="  otlp: {protocols: {http: }}", names="otlp", extensions="", running=""
    )
    rehearsal = plan_rehearsal(
        a_configuration(text.replace("processors: {", f"processors: {{{reduce}, ", 1)),
        next_port=count(9000).__next__,
        folder="/run/rehearsal/",
        target=Target(),
    )
    assert rehearsal.config["processors"]["reduce/a"] == {
        "top_k": {"cpu": 1},
        "ledger": {"path": "/run/rehearsal/reduce_a/ledger.jsonl", "max_megabytes": 1},
    }
    assert rehearsal.folders == ("/run/rehearsal/reduce_a",)
