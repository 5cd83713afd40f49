import json
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.ports import LOOPBACK, free_ports
from phoenix_platform.agent.supervision import (
    MOST_LAST_LINES,
    Collector,
    CollectorFailedError,
    CollectorSpec,
    PortTakenError,
)
from phoenix_platform.agent.telemetry import CollectorCounters, read_counters
from phoenix_platform.pipelines.documents import thawed
from phoenix_platform.pipelines.self_telemetry import self_telemetry

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def a_config(telemetry_port: int) -> dict[str, Any]:
    return {
        "receivers": {"nop": {}},
        "exporters": {"nop": {}},
        "service": {
            "pipelines": {"metrics": {"receivers": ["nop"], "exporters": ["nop"]}},
            "telemetry": thawed(self_telemetry(port=telemetry_port, instance="test")),
        },
    }


def a_collector(
    folder: Path, binary: CollectorBinary, config: dict[str, Any], telemetry_port: int
) -> Collector:
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))
    return Collector(
        CollectorSpec(
            name="candidate",
            binary=binary.path,
            config=path,
            telemetry_url=f"http://{LOOPBACK}:{telemetry_port}/metrics",
            environment={"PATH": os.defpath},
            working_folder=folder,
        )
    )


async def test_a_collector_starts_is_measured_and_stops(
    tmp_path: Path, collector: CollectorBinary, client: httpx.AsyncClient
) -> None:
    (port,) = free_ports(1)
    running = a_collector(tmp_path, collector, a_config(port), port)
    await running.start(client)
    usage = running.usage()
    assert usage is not None
    assert usage.rss_bytes > 10 * 2**20
    assert usage.cpu_seconds > 0
    counters = await read_counters(client, running.spec.telemetry_url)
    assert counters is not None
    assert counters.uptime_seconds is not None
    assert counters == CollectorCounters(
        0, 0, queue_full=False, uptime_seconds=counters.uptime_seconds
    )
    running.check()
    await running.stop()
    await running.stop()
    assert running.exit_code == 0
    assert running.usage() is None
    assert await read_counters(client, running.spec.telemetry_url) is None


async def test_what_does_not_start_says_why_in_its_own_words(
    tmp_path: Path, collector: CollectorBinary, client: httpx.AsyncClient
) -> None:
    config = a_config(1)
    config["exporters"] = {"nope": {}}
    broken = a_collector(tmp_path, collector, config, 1)
    with pytest.raises(CollectorFailedError, match=r"candidate collector ended .*Error: .*nope"):
        await broken.start(client)
    await broken.stop()


async def test_a_port_that_was_taken_is_told_apart(
    tmp_path: Path, collector: CollectorBinary, client: httpx.AsyncClient
) -> None:
    first_port, second_port = free_ports(2)
    config = a_config(first_port)
    first = a_collector(tmp_path, collector, config, first_port)
    await first.start(client)
    try:
        # The second waits for its own port, and finds that of the first in use.
        second = a_collector(tmp_path, collector, config, second_port)
        with pytest.raises(PortTakenError, match="address already in use"):
            await second.start(client)
    finally:
        await first.stop()


async def test_a_stopped_process_is_stopped_all_the_same(
    tmp_path: Path, collector: CollectorBinary, client: httpx.AsyncClient
) -> None:
    (port,) = free_ports(1)
    running = a_collector(tmp_path, collector, a_config(port), port)
    await running.start(client)
    assert running.pid is not None
    os.kill(running.pid, signal.SIGSTOP)
    await running.stop()
    assert running.exit_code == 0


async def test_one_that_ends_by_itself_is_noticed(
    tmp_path: Path, collector: CollectorBinary, client: httpx.AsyncClient
) -> None:
    (port,) = free_ports(1)
    running = a_collector(tmp_path, collector, a_config(port), port)
    await running.start(client)
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    await running.stop()
    with pytest.raises(CollectorFailedError, match="ended with signal SIGKILL"):
        running.check()


async def test_secrets_in_its_log_are_masked(
    tmp_path: Path, collector: CollectorBinary, client: httpx.AsyncClient
) -> None:
    config = a_config(1)
    config["exporters"] = {"nop": {"api_key: hunter2": 1}}
    broken = a_collector(tmp_path, collector, config, 1)
    with pytest.raises(CollectorFailedError) as caught:
        await broken.start(client)
    await broken.stop()
    assert "api_key: ***" in str(caught.value)
    assert "hunter2" not in "".join(broken.log_tail)


async def test_what_never_ran_has_no_facts(tmp_path: Path, collector: CollectorBinary) -> None:
    never = a_collector(tmp_path, collector, {}, 1)
    assert (never.pid, never.exit_code, never.usage(), never.last_words()) == (
        None, None, None, "it wrote nothing",
    )  # fmt: skip
    await never.stop()


def a_script(folder: Path, text: str) -> Collector:
    """A program in place of the collector."""
    path = folder / "collector"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Collector(
        CollectorSpec(
            name="candidate",
            binary=path,
            config=folder / "config.yaml",
            telemetry_url=f"http://{LOOPBACK}:1/metrics",
            environment={"PATH": os.defpath},
            working_folder=folder,
        )
    )


async def test_why_the_runtime_gave_up_is_quoted_and_not_the_stacks_after_it(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    stacks = "i=0; while [ $i -lt 300 ]; do echo 'goroutine 1 [running]:' >&2; i=$((i+1)); done"
    panicking = a_script(
        tmp_path, f"echo 'panic: too many, api_key: hunter2' >&2; {stacks}; exit 2"
    )
    with pytest.raises(CollectorFailedError) as caught:
        await panicking.start(client)
    await panicking.stop()
    assert str(caught.value) == (
        "candidate collector ended with exit code 2: panic: too many, api_key: ***"
    )
    assert caught.value.collector == "candidate"
    assert len(caught.value.log_lines) == MOST_LAST_LINES


async def test_a_kill_may_be_the_kernel_s(tmp_path: Path, client: httpx.AsyncClient) -> None:
    killed = a_script(tmp_path, "kill -9 $$")
    with pytest.raises(CollectorFailedError, match=r"SIGKILL \(a kill -9, or the kernel for lack"):
        await killed.start(client)
    await killed.stop()
