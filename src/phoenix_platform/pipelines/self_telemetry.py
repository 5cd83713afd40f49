"""What a collector that Phoenix starts says about itself: Prometheus metrics on a port of its own, logs on stderr.

Two collectors on a host collide on the default port 8888. Called wherever a configuration is written.
"""

from collections.abc import Mapping
from typing import Final

from phoenix_platform.pipelines.documents import Value

LOOPBACK: Final = "127.0.0.1"


def self_telemetry(*, port: int, instance: str) -> Mapping[str, Value]:
    """`service.telemetry` with nothing of the user's: no exporter of traces or logs, no other reader."""
    exporter: dict[str, Value] = {
        "host": LOOPBACK,
        "port": port,
        # A reader written by hand lacks these defaults, and every counter would have another name.
        "without_type_suffix": True,
        "without_units": True,
        "without_scope_info": True,
    }
    return {
        "resource": {"service.instance.id": instance},
        "logs": {"level": "info"},
        "metrics": {
            "level": "normal",
            "readers": ({"pull": {"exporter": {"prometheus": exporter}}},),
        },
    }
