"""Runs a real collector over scrapes and keeps what left; for golden tests and those of the catalog."""

import gzip
import subprocess
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.pipeline_builders import a_request

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.ports import free_ports
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.emission import write_document
from phoenix_platform.pipelines.topologies import VariantPlaces
from phoenix_platform.pipelines.variants import plan_topology

RECORDED = Path(__file__).parent / "recorded" / "otlp"
SCRAPES = [(RECORDED / f"process_default_t{number}.pb").read_bytes() for number in range(3)]


def bodies_of(
    configuration: Configuration,
    scrapes: Sequence[bytes],
    collector: CollectorBinary,
    folder: Path,
) -> list[bytes]:
    """What a candidate's collector lets out for each scrape, sent one after the other."""
    otlp_port, telemetry_port = free_ports(2)
    places = VariantPlaces(otlp_port=otlp_port, telemetry_port=telemetry_port, folder=str(folder))
    with meter() as (url, bodies):
        topology = plan_topology(
            configuration,
            configuration,
            a_request(meter_url=url, candidate=places, target=collector.target),
        )
        file = folder / "config.yaml"
        file.write_text(write_document(topology.candidate.config), "utf-8")
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([collector.path, "--config", file], stderr=log)
        try:
            wait_for("Everything is ready", folder / "log")
            for number, scrape in enumerate(scrapes):
                send(scrape, otlp_port)
                wait_until_longer(bodies, number)
        finally:
            process.terminate()
            process.wait(30)
    return bodies


@contextmanager
def meter() -> Generator[tuple[str, list[bytes]]]:
    """A meter that only keeps what it gets: its URL and the bodies, in order."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            bodies.append(gzip.decompress(body))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the inherited name
            """Keep stderr for the test's own words."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wait_for(words: str, log: Path) -> None:
    deadline = time.monotonic() + 20
    while words not in log.read_text("utf-8"):
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.02)


def wait_until_longer(bodies: list[bytes], length: int) -> None:
    deadline = time.monotonic() + 20
    while len(bodies) <= length:
        assert time.monotonic() < deadline, "the variant let nothing out"
        time.sleep(0.01)


def send(body: bytes, port: int) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/metrics", body, {"content-type": "application/x-protobuf"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        assert answer.status == 200
