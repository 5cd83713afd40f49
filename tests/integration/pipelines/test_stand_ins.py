"""What a variant sees behind the stand-ins is what its own receiver would have emitted."""

import shutil
import subprocess
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.integration.pipelines.collector_runs import Emitted, emitted, run_until_written
from tests.pipeline_builders import a_request, with_scrapers

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.agent.ports import free_ports
from phoenix_platform.pipelines.components import Kind
from phoenix_platform.pipelines.documents import thawed
from phoenix_platform.pipelines.self_telemetry import self_telemetry
from phoenix_platform.pipelines.variants import plan_topology

NAMES = ("phx-keep", "phx-keeper", 'phx-"quote')
"""Executables that run during the tests: one name begins with another, one needs escapes."""

SETTINGS = {
    "names-kept-by-pattern": "{process: {include: {match_type: regexp, names: ['x-keep$$', '^phx-\"']}}}",
    "names-kept-exactly": "{process: {include: {match_type: strict, names: [phx-keep, 'phx-\"quote']}}}",
    "names-left-out": "{process: {exclude: {match_type: regexp, names: ['^phx-\\w+$$']}}}",
    "kept-and-left-out": "{process: {include: {match_type: regexp, names: [phx]}, exclude: {match_type: strict, names: [phx-keep]}}}",
    "metrics-chosen": "{process: {metrics: {process.threads: {enabled: true}, process.disk.io: {enabled: false}}}}",
    "attributes-chosen": "{process: {resource_attributes: {process.pid: {enabled: false}, process.cgroup: {enabled: true}, process.command_line: {enabled: false}}}}",
    "values-kept": "{process: {resource_attributes: {process.executable.name: {metrics_include: [{strict: phx-keep}, {regexp: '^phx.*quote$$'}]}}}}",
    "values-left-out": "{process: {resource_attributes: {process.executable.path: {metrics_exclude: [{regexp: 'phx-keep$$'}]}}}}",
    "values-of-a-number": "{process: {resource_attributes: {process.parent_pid: {metrics_exclude: [{strict: '0'}, {regexp: '^1$$'}]}}}}",
    "another-scraper": "{load: {metrics: {system.cpu.load_average.1m: {enabled: false}}}}",
    "several-scrapers": "{process: , memory: {}, cpu: {metrics: {system.cpu.time: {enabled: false}}}}",
}


@pytest.fixture(autouse=True)
def _running(tmp_path: Path) -> Generator[None]:
    """A process per name, for the length of the test."""
    sleep = Path(str(shutil.which("sleep"))).resolve()
    with ExitStack() as stack:
        for name in NAMES:
            copy = tmp_path / name
            shutil.copy(sleep, copy)
            process = stack.enter_context(subprocess.Popen([copy, "60"]))
            stack.callback(process.kill)
        yield


def seen_both_ways(
    collector: CollectorBinary, scrapers: str, folder: Path
) -> tuple[Emitted, Emitted]:
    """The variant's own receiver, and the source behind stand-ins, in one collector."""
    baseline = with_scrapers("{process: {}, paging: {}}")
    candidate = with_scrapers(scrapers, options="collection_interval: 60s")
    topology = plan_topology(baseline, candidate, a_request(target=collector.target))
    own: Any = thawed(candidate.components[Kind.RECEIVER]["host_metrics"].settings)
    own |= {"collection_interval": "1s", "initial_delay": "0s"}
    (source,) = topology.source["receivers"].values()
    files = [folder / "own.json", folder / "stood-in.json"]
    config: dict[str, Any] = {
        "receivers": {"host_metrics/own": own, "host_metrics/source": source},
        "processors": topology.candidate.config.get("processors", {}),
        "exporters": {f"file/{path.stem}": {"path": str(path)} for path in files},
        "service": {
            "telemetry": thawed(self_telemetry(port=free_ports(1)[0], instance="test")),
            "pipelines": {
                "metrics/own": {"receivers": ["host_metrics/own"], "exporters": ["file/own"]},
                "metrics/stood-in": {
                    "receivers": ["host_metrics/source"],
                    "processors": list(topology.candidate.stand_ins),
                    "exporters": ["file/stood-in"],
                },
            },
        },
    }
    run_until_written(collector.path, config, files, folder)
    return emitted(files[0]), emitted(files[1])


@pytest.mark.parametrize("scrapers", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_stand_in_does_what_the_receiver_would_do(
    collector: CollectorBinary, tmp_path: Path, scrapers: str
) -> None:
    own, stood_in = seen_both_ways(collector, scrapers, tmp_path)
    assert own.metrics
    assert stood_in.metrics == own.metrics
    assert stood_in.attributes == own.attributes
    # Both scrape on their own, so other processes may live in the scrapes of one only.
    assert stood_in.names & set(NAMES) == own.names & set(NAMES)
