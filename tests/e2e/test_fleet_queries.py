"""An experiment of the control plane that asks a real Prometheus, on a real agent with real collectors."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.fleets import FleetHost, FleetServer
from tests.prometheus_runs import RunningPrometheus, running_prometheus

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.analysis.verifications import verify_certificate

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[RunningPrometheus]:
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with running_prometheus(folder) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, prometheus: RunningPrometheus) -> Iterator[FleetServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    running = FleetServer(folder).start(PHOENIX_PROMETHEUS__URL=prometheus.url)
    yield running
    running.kill()


@pytest.fixture
def host(tmp_path: Path, server: FleetServer, collector: CollectorBinary) -> Iterator[FleetHost]:
    folder = tmp_path / "web-1"
    folder.mkdir()
    running = FleetHost(folder, "web-1", collector.path).enroll(server).start()
    yield running
    running.kill()


def test_a_query_beyond_its_limit_aborts_the_experiment_and_its_certificate_proves_it(
    server: FleetServer, host: FleetHost
) -> None:
    began = int(time.time())
    experiment = server.create(
        name="asks",
        candidate="process-baseline-v1",
        interval="PT1S",
        max_host_cpu_share=0.95,
        guardrails=[
            {
                "name": "clock",
                "query": f"time() - {began}",
                "max": 90,
                "interval": "PT2S",
                "consecutive": 2,
            }
        ],
    )
    ended = server.until(experiment, lambda one: one["ended_at"] is not None, 600)
    assert (ended["phase"], ended["verdict"]) == ("completed", "abort"), ended
    answer = httpx.get(
        f"{server.url}/api/v1/experiments/{experiment}/certificate",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=120,
    )
    found = verify_certificate(answer.content, is_signed)
    assert (found.alterations, found.verdict) == ((), "abort")
    record = msgspec.json.decode(answer.content)["record"]
    assert record["judgement"]["reasons"][0].endswith("beyond that in 2 answers in a row.")
    answers = record["answers"]
    for at, number in zip(answers["evaluated_at_unix_ms"], answers["number"], strict=True):
        assert number == pytest.approx(at / 1000 - began, abs=1e-9)


def is_signed(public_key: bytes, signature: bytes, content: bytes) -> bool:
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    return True
