"""Valid configurations and requests for tests of `phoenix_platform.pipelines`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from phoenix_platform.pipelines.configurations import Configuration, parse_configuration
from phoenix_platform.pipelines.topologies import TopologyRequest, VariantPlaces

MINIMAL = """\
receivers:
  host_metrics:
    collection_interval: 60s
    scrapers:
      process:
exporters:
  otlp_http:
    endpoint: http://vendor.example
service:
  pipelines:
    metrics:
      receivers: [host_metrics]
      exporters: [otlp_http]
"""


def a_configuration(text: str = MINIMAL, *, name: str = "a.yaml") -> Configuration:
    return parse_configuration(text, name=name)


def with_scrapers(scrapers: str, *, options: str = "", name: str = "a.yaml") -> Configuration:
    """One host_metrics receiver with these scrapers (a flow mapping) and options (`key: value` lines)."""
    lines = "".join(f"    {line}\n" for line in options.splitlines())
    text = MINIMAL.replace("    collection_interval: 60s\n", lines)
    return a_configuration(
        text.replace("    scrapers:\n      process:\n", f"    scrapers: {scrapers}\n"), name=name
    )


def a_request(**changes: Any) -> TopologyRequest:
    values: Mapping[str, Any] = {
        "interval": timedelta(seconds=1),
        "meter_url": "http://127.0.0.1:9000",
        "source_telemetry_port": 9001,
        "baseline": VariantPlaces(
            otlp_port=9002, telemetry_port=9003, folder="/run/trial/baseline"
        ),
        "candidate": VariantPlaces(
            otlp_port=9004, telemetry_port=9005, folder="/run/trial/candidate"
        ),
    }
    return TopologyRequest(**{**values, **changes})
