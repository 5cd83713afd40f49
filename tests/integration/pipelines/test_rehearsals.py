"""A rehearsed configuration really starts, beside one that holds all of its ports."""

import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

from tests.pipeline_builders import a_configuration

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.ports import free_ports
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.rehearsals import plan_rehearsal

TEXT = """\
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{taken}"}}, http: {{endpoint: "127.0.0.1:{taken}"}}}}}}
exporters: {{otlp_http: {{endpoint: "http://127.0.0.1:{taken}", sending_queue: {{storage: file_storage}}}}, prometheus: {{endpoint: "127.0.0.1:{taken}"}}}}
extensions: {{health_check: {{endpoint: "127.0.0.1:{taken}"}}, file_storage: {{directory: /var/lib/nowhere}}}}
service:
  extensions: [health_check, file_storage]
  telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {taken}}}}}}}}}]}}}}
  pipelines:
    metrics: {{receivers: [otlp], exporters: [otlp_http, prometheus]}}
"""


def test_a_rehearsal_starts_although_every_port_is_taken(
    collector: CollectorBinary, tmp_path: Path
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as holder:
        configuration = a_configuration(TEXT.format(taken=holder.getsockname()[1]))
        ports = iter(free_ports(10))
        rehearsal = plan_rehearsal(
            configuration,
            next_port=lambda: next(ports),
            folder=str(tmp_path),
            target=collector.target,
        )
        for folder in rehearsal.folders:
            Path(folder).mkdir(parents=True)
        file = tmp_path / "config.yaml"
        file.write_text(write_document(rehearsal.config), "utf-8")
        log = tmp_path / "log"
        with log.open("w") as stderr:
            process = subprocess.Popen([collector.path, "--config", file], stderr=stderr)
        try:
            deadline = time.monotonic() + 20
            while "Everything is ready" not in log.read_text("utf-8"):
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            process.terminate()
        assert process.wait(10) == 0
