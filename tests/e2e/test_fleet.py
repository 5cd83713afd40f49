"""Experiments over a fleet: a real control plane, three real agents with real collectors, and planted truths."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.fleets import FleetHost, FleetServer

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.analysis.verifications import verify_certificate

pytestmark = pytest.mark.timeout(900)
NAMES = ("web-1", "web-2", "db-1")
OWN_PROCESSES = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
"""Each host sees its own processes and no others, as hosts do; needs root."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FleetServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    running = FleetServer(folder).start()
    yield running
    running.kill()


@pytest.fixture
def hosts(
    tmp_path: Path, server: FleetServer, collector: CollectorBinary
) -> Iterator[dict[str, FleetHost]]:
    made: dict[str, FleetHost] = {}
    for name in NAMES:
        folder = tmp_path / name
        folder.mkdir()
        host = FleetHost(folder, name, collector.path)
        if os.geteuid() == 0:
            host.program.wrapped_in = OWN_PROCESSES
        made[name] = host.enroll(server, tier=name.split("-")[0]).start()
    yield made
    for host in made.values():
        host.kill()


def test_verdicts_are_those_that_were_planted_though_everything_is_killed_on_the_way(
    server: FleetServer, hosts: dict[str, FleetHost]
) -> None:
    # The same pipeline twice saves nothing, and nothing else can be found.
    futile = server.create(
        name="nothing changes",
        candidate="process-baseline-v1",
        interval="PT1S",
        max_duration="PT10M",
        max_host_cpu_share=0.9,
        absent_after="PT3M",
    )
    server.until(futile, lambda one: intervals_of(one) >= 10, 300)
    server.kill()
    server.start()
    hosts["web-2"].kill()
    hosts["web-2"].start()
    ended = server.until(futile, lambda one: one["ended_at"] is not None, 600)
    assert (ended["phase"], ended["verdict"]) == ("completed", "stop_futile")
    assert {one["name"] for one in ended["hosts"]} == set(NAMES)
    assert all_samples_once(server, futile)
    found = verify_certificate(certificate_of(server, futile), is_signed)
    assert (found.alterations, found.verdict) == ((), "stop_futile")
    phases = [move["after"] for move in transitions_of(server, futile)]
    assert phases == [
        "validating", "deploying", "warming_up", "running", "analyzing", "completed",
    ]  # fmt: skip


def test_a_candidate_that_loses_a_critical_process_is_aborted_at_once(
    server: FleetServer, hosts: dict[str, FleetHost]
) -> None:
    aborted = server.create(
        name="loses a worker",
        selector="tier=web",
        candidate="process-priority-v1",
        interval="PT1S",
        max_host_cpu_share=0.9,
        accept_lost_totals=True,
        critical=["phx-worker*"],
        load={"profile": "realistic", "seed": 1},
    )
    ended = server.until(aborted, lambda one: one["ended_at"] is not None, 400)
    assert (ended["phase"], ended["verdict"]) == ("completed", "abort")
    assert {one["name"] for one in ended["hosts"]} == {"web-1", "web-2"}
    assert "phx-worker" in str(ended["judgement"]["reasons"])


def intervals_of(experiment: dict[str, Any]) -> int:
    judgement: dict[str, Any] | None = experiment["judgement"]
    return 0 if judgement is None else int(judgement["intervals"])


def all_samples_once(server: FleetServer, experiment_id: str) -> bool:
    columns: dict[str, Any] = {}
    after = 0
    keys: list[tuple[str, str, int]] = []
    while True:
        found, _ = server.ask(
            "GET", f"/api/v1/experiments/{experiment_id}/samples?after={after}&limit=5000"
        )
        columns, after = found["columns"], found["next_after"]
        new = list(zip(columns["host"], columns["variant"], columns["scrape"], strict=True))
        if not new:
            return len(keys) == len(set(keys)) > 0
        keys += new


def transitions_of(server: FleetServer, experiment_id: str) -> list[dict[str, Any]]:
    found, _ = server.ask("GET", f"/api/v1/experiments/{experiment_id}/transitions")
    items: list[dict[str, Any]] = found["items"]
    return items


def certificate_of(server: FleetServer, experiment_id: str) -> bytes:
    answer = httpx.get(
        f"{server.url}/api/v1/experiments/{experiment_id}/certificate",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    return answer.content


def is_signed(public_key: bytes, signature: bytes, content: bytes) -> bool:
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    return True
