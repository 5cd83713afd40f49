"""Every collector that a trial is planned with is accepted by the real collector."""

from itertools import product
from pathlib import Path

import pytest
from tests.integration.pipelines.collector_runs import refusal_of
from tests.pipeline_builders import a_configuration, a_request

from phoenix_platform.agent.binaries import CollectorBinary
from phoenix_platform.pipelines import catalog
from phoenix_platform.pipelines.configurations import Configuration
from phoenix_platform.pipelines.topologies import Topology, VariantPlaces
from phoenix_platform.pipelines.variants import plan_topology

AS_PEOPLE_WRITE_THEM = {
    "several-scrapers-old-names": """\
receivers:
  hostmetrics:
    collection_interval: 30s
    root_path: ${env:ROOT_PATH:-}
    scrapers:
      cpu: {metrics: {system.cpu.utilization: {enabled: true}}}
      memory:
      disk:
      load:
      process: {mute_process_name_error: true, exclude: {names: ['^k', 'sleep$$'], match_type: regexp}}
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 400}
  batch: {send_batch_size: 1024, timeout: 10s}
  resource: {attributes: [{key: host.name, value: "${env:TEST_HOST_NAME}", action: upsert}]}
  cumulativetodelta:
exporters:
  otlphttp: {endpoint: "https://otlp.example.com", headers: {api-key: "${env:TEST_API_KEY}"}, compression: zstd}
extensions: {health_check: }
service:
  extensions: [health_check]
  pipelines:
    metrics: {receivers: [hostmetrics, otlp], processors: [memory_limiter, resource, cumulativetodelta, batch], exporters: [otlphttp]}
    traces: {receivers: [otlp], processors: [batch], exporters: [otlphttp]}
""",
    "connectors-and-a-queue-on-disk": """\
receivers:
  host_metrics/fast: {collection_interval: 60s, scrapers: {cpu: , network: }}
  host_metrics/process: {collection_interval: 1m, scrapers: {process: {resource_attributes: {process.command_line: {enabled: false}}}}}
processors:
  interval: {interval: 120s}
  filter/idle: {metrics: {datapoint: ['metric.name == "process.cpu.time" and value_double == 0.0']}}
connectors: {forward: }
exporters:
  otlp_http: {endpoint: "https://otlp.example.com", sending_queue: {storage: file_storage/queue, batch: {flush_timeout: 1s}}}
extensions: {file_storage/queue: {directory: /var/lib/nowhere}}
service:
  extensions: [file_storage/queue]
  telemetry: {logs: {level: debug}, metrics: {level: detailed}}
  pipelines:
    metrics/fast: {receivers: [host_metrics/fast], processors: [interval], exporters: [forward]}
    metrics/process: {receivers: [host_metrics/process], processors: [filter/idle], exporters: [forward]}
    metrics: {receivers: [forward], exporters: [otlp_http]}
""",
}


def every_refusal(binary: CollectorBinary, topology: Topology, folder: Path) -> list[str | None]:
    for variant in (topology.baseline, topology.candidate):
        for needed in variant.folders:
            Path(needed).mkdir(parents=True, exist_ok=True)
    configs = (topology.source, topology.baseline.config, topology.candidate.config)
    return [refusal_of(binary.path, config, folder, topology.environment) for config in configs]


def planned(
    baseline: Configuration, candidate: Configuration, binary: CollectorBinary, folder: Path
) -> Topology:
    return plan_topology(
        baseline,
        candidate,
        a_request(
            target=binary.target,
            baseline=VariantPlaces(
                otlp_port=9002, telemetry_port=9003, folder=str(folder / "baseline")
            ),
            candidate=VariantPlaces(
                otlp_port=9004, telemetry_port=9005, folder=str(folder / "candidate")
            ),
            ignore=frozenset({"collection_interval", "root_path"}),
        ),
    )


@pytest.mark.parametrize(("baseline", "candidate"), list(product(catalog.names(), repeat=2)))
def test_every_pair_of_the_catalog_is_accepted(
    collector: CollectorBinary, tmp_path: Path, baseline: str, candidate: str
) -> None:
    first, second = (catalog.get(name).configuration for name in (baseline, candidate))
    topology = planned(first, second, collector, tmp_path)
    assert every_refusal(collector, topology, tmp_path) == [None, None, None]


@pytest.mark.parametrize("name", AS_PEOPLE_WRITE_THEM)
def test_configurations_as_people_write_them_are_accepted(
    collector: CollectorBinary, tmp_path: Path, name: str
) -> None:
    baseline = catalog.get("process-baseline-v1").configuration
    candidate = a_configuration(AS_PEOPLE_WRITE_THEM[name], name=f"{name}.yaml")
    topology = planned(baseline, candidate, collector, tmp_path)
    assert every_refusal(collector, topology, tmp_path) == [None, None, None]


@pytest.mark.parametrize("name", catalog.names())
def test_every_entry_of_the_catalog_is_accepted_as_it_is(
    collector: CollectorBinary, tmp_path: Path, name: str
) -> None:
    root = dict(catalog.get(name).configuration.root)
    assert refusal_of(collector.path, root, tmp_path, {}) is None
