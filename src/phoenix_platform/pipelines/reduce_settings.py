"""The settings of our `reduce` processor: which there are, and what is true where they are not written.

Read by lint and by the comparison of configurations; a test holds this against the processor's own `config.go`.
"""

from collections.abc import Mapping
from typing import Final

from phoenix_platform.pipelines.documents import Value

REDUCE: Final = "reduce"
IDENTITY: Final = "process.pid"
OTHER: Final = "_other"
"""The bucket of processes whose key is missing, and the single one."""

_THRESHOLDS: Final = frozenset({"cpu_cores", "rss_bytes", "io_bytes_per_second"})
_CONDITIONS: Final = frozenset({"cpu_utilization", "load_1m", "processes", "series"})
RANKINGS: Final = ("cpu", "rss", "io")

KEYS: Final[Mapping[tuple[str, ...], frozenset[str]]] = {
    (): frozenset(
        {
            "critical", "always_keep", "never_keep", "prefer", "thresholds", "top_k", "levels", "group_by", "categories",
            "host_totals", "additive_metrics", "on_unknown", "output_temporality", "stale_markers", "bucket_linger",
            "forget_after", "max_processes", "ledger", "storage",
        }
    ),
    ("thresholds",): _THRESHOLDS,
    ("top_k",): frozenset({*RANKINGS, "margin", "leave_after"}),
    ("levels",): frozenset(
        {"name", "enter", "leave", "enter_after", "leave_after", "min_stay", "top_k", "thresholds"}
    ),
    ("levels", "enter"): _CONDITIONS,
    ("levels", "leave"): _CONDITIONS,
    ("levels", "top_k"): frozenset(RANKINGS),
    ("levels", "thresholds"): _THRESHOLDS,
    ("categories",): frozenset({"name", "match"}),
    ("ledger",): frozenset({"path", "max_megabytes"}),
}  # fmt: skip
"""The keys of every mapping, by the keys that lead to it; places in lists are left out."""

CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "on_unknown": frozenset({"keep", "drop", "error"}),
    "output_temporality": frozenset({"", "delta", "cumulative"}),
}
"""Settings that are one of a few words."""

DEFAULTS: Final[Mapping[tuple[str, ...], Value]] = {
    ("top_k", "cpu"): 0,
    ("top_k", "rss"): 0,
    ("top_k", "io"): 0,
    ("top_k", "margin"): 5,
    ("top_k", "leave_after"): 3,
    ("thresholds", "cpu_cores"): 0,
    ("thresholds", "rss_bytes"): 0,
    ("thresholds", "io_bytes_per_second"): 0,
    ("host_totals",): False,
    ("on_unknown",): "keep",
    ("output_temporality",): "",
    ("bucket_linger",): 5,
    ("forget_after",): 5,
    ("max_processes",): 100_000,
}

SCRAPER_OF_CONDITION: Final[Mapping[str, str]] = {"cpu_utilization": "cpu", "load_1m": "load"}
"""Conditions of a level that read `system.*` metrics, and the scraper that has them."""


def setting(settings: Mapping[str, Value], *path: str) -> Value:
    """What is written, else the default; `None` where there is neither."""
    value: Value = settings
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return DEFAULTS.get(path) if value is None else value
