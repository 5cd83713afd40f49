"""What a `host_metrics` receiver is set to do, read from a variant's configuration.

The trial's source scrapes for both variants, so the settings have to be understood one by one. Facts about
the receiver (defaults, which options change what it emits) stand here as tables, taken from
hostmetricsreceiver v0.161.0. Called by `scrapes`, which joins the settings of both variants.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.documents import Path, Value
from phoenix_platform.pipelines.environment import expanded, read_duration

RECEIVER: Final = "host_metrics"
PROCESS: Final = "process"

DEFAULT_INTERVAL: Final = timedelta(minutes=1)

DEFAULT_METRICS: Final[Mapping[str, frozenset[str]]] = {
    "cpu": frozenset({"system.cpu.logical.count", "system.cpu.time"}),
    "disk": frozenset(
        f"system.disk.{name}"
        for name in (
            "io", "io_time", "merged", "operation_time", "operations", "pending_operations", "weighted_io_time",
        )
    ),
    "filesystem": frozenset({"system.filesystem.inodes.usage", "system.filesystem.usage"}),
    "load": frozenset(f"system.cpu.load_average.{span}" for span in ("1m", "5m", "15m")),
    "memory": frozenset({"system.memory.usage"}),
    "network": frozenset(
        f"system.network.{name}" for name in ("connections", "dropped", "errors", "io", "packets")
    ),
    "paging": frozenset(f"system.paging.{name}" for name in ("faults", "operations", "usage")),
    "process": frozenset(
        {"process.cpu.time", "process.disk.io", "process.memory.usage", "process.memory.virtual"}
    ),
    "processes": frozenset({"system.processes.count", "system.processes.created"}),
    "system": frozenset({"system.uptime"}),
}  # fmt: skip
"""Metrics each scraper emits unless told otherwise."""

OPTIONAL_METRICS: Final[Mapping[str, frozenset[str]]] = {
    "cpu": frozenset({"system.cpu.frequency", "system.cpu.physical.count", "system.cpu.utilization"}),
    "filesystem": frozenset({"system.filesystem.utilization"}),
    "memory": frozenset(
        {
            "system.linux.memory.available", "system.linux.memory.dirty", "system.memory.limit",
            "system.memory.linux.hugepages.limit", "system.memory.linux.hugepages.page_size",
            "system.memory.linux.hugepages.reserved", "system.memory.linux.hugepages.surplus",
            "system.memory.linux.hugepages.usage", "system.memory.linux.hugepages.utilization",
            "system.memory.linux.shared", "system.memory.page_size", "system.memory.utilization",
        }
    ),
    "network": frozenset({"system.network.conntrack.count", "system.network.conntrack.max"}),
    "paging": frozenset({"system.paging.utilization"}),
    "process": frozenset(
        {
            "process.context_switches", "process.cpu.utilization", "process.disk.operations", "process.handles",
            "process.memory.utilization", "process.open_file_descriptors", "process.paging.faults",
            "process.signals_pending", "process.threads", "process.uptime",
        }
    ),
}  # fmt: skip
"""Metrics each scraper emits only when told to."""

DEFAULT_ATTRIBUTES: Final = frozenset(
    {
        "process.command", "process.command_line", "process.executable.name", "process.executable.path",
        "process.owner", "process.parent_pid", "process.pid",
    }
)  # fmt: skip
"""Resource attributes of the process scraper that are there unless told otherwise."""
OPTIONAL_ATTRIBUTES: Final = frozenset({"process.cgroup", "process.linux.cgroup"})

HARMLESS_OPTIONS: Final[Mapping[str, str]] = {
    "initial_delay": "it moves the first scrape only",
    "metadata_collection_interval": "it concerns entity events, not metrics",
}
"""Options of the receiver that change nothing a trial measures, and why."""

MUTING_PREFIX: Final = "mute_process_"
"""Options that keep errors out of the log; what is emitted is the same with and without."""

DEFAULT_OPTIONS: Final[Mapping[str, Value]] = {
    "root_path": "",
    "timeout": "0s",
    "scrape_process_delay": "0s",
    "cpu_average": False,
    "include_virtual_filesystems": False,
}
"""Defaults of options that both variants must share, so that one may write what the other leaves out."""


@dataclass(frozen=True, slots=True)
class Place:
    """A setting of one variant, for messages."""

    configuration: Configuration
    path: Path

    def __str__(self) -> str:
        return self.configuration.document.place(self.path)

    def below(self, *path: str | int) -> "Place":
        return Place(self.configuration, (*self.path, *path))

    def refusal(self, reason: str) -> InvalidInputError:
        return InvalidInputError(f"{self}: {reason}")


@dataclass(frozen=True, slots=True)
class MetricSettings:
    """`metrics` of a scraper: one metric."""

    enabled: bool | None
    """As written; `None` where only other settings are."""
    others: Mapping[str, Value]
    """`attributes`, `aggregation_strategy` and whatever a later release knows."""


@dataclass(frozen=True, slots=True)
class AttributeSettings:
    """`resource_attributes` of a scraper: one attribute."""

    enabled: bool | None
    include: Value
    """`metrics_include` as written; `None` if it is not there."""
    exclude: Value
    others: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Scraper:
    type: str
    place: Place
    metrics: Mapping[str, MetricSettings]
    attributes: Mapping[str, AttributeSettings]
    include: Value
    """`include` of the process scraper (by executable name); `None` if it is not there."""
    exclude: Value
    others: Mapping[str, Value]
    """Options that must be the same in both variants."""

    def emits(self, metric: str) -> bool | None:
        """Whether it emits the metric; `None` if that is this release's default, which we do not know."""
        settings = self.metrics.get(metric)
        if settings is not None and settings.enabled is not None:
            return settings.enabled
        if metric in DEFAULT_METRICS.get(self.type, frozenset()):
            return True
        return False if metric in OPTIONAL_METRICS.get(self.type, frozenset()) else None

    def has_attribute(self, attribute: str) -> bool | None:
        """The same for a resource attribute."""
        settings = self.attributes.get(attribute)
        if settings is not None and settings.enabled is not None:
            return settings.enabled
        if attribute in DEFAULT_ATTRIBUTES:
            return True
        return False if attribute in OPTIONAL_ATTRIBUTES else None


@dataclass(frozen=True, slots=True)
class HostMetrics:
    """One `host_metrics` receiver."""

    id: str
    place: Place
    interval: timedelta
    scrapers: Mapping[str, Scraper]
    others: Mapping[str, Value]
    """Options of the receiver that must be the same in both variants."""


def read_host_metrics(
    configuration: Configuration, component: Component, environment: Mapping[str, str]
) -> HostMetrics:
    """Read a receiver's settings, references to the environment replaced.

    Raises:
        InvalidInputError: If it has no scrapers or a setting of the wrong kind; with line and column.
    """
    place = Place(configuration, component.path)
    settings = _mapping(
        expanded(dict(component.settings), environment, field=f"{place}: {component.id}"), place
    )
    interval_place = place.below("collection_interval")
    interval = read_duration(
        settings.get("collection_interval"),
        {},  # the settings are expanded already
        default=DEFAULT_INTERVAL,
        field=f"{interval_place}: collection_interval",
    )
    if interval <= timedelta(0):
        raise interval_place.refusal("collection_interval: must be above zero; write 60s")
    scrapers = _mapping(settings.get("scrapers"), place.below("scrapers"))
    if not scrapers:
        raise place.refusal(f"{component.id}: no scrapers; name at least one, such as process")
    known = {"collection_interval", "scrapers", *HARMLESS_OPTIONS}
    return HostMetrics(
        component.id,
        place,
        interval,
        {
            type_: _scraper(type_, value, place.below("scrapers", type_))
            for type_, value in scrapers.items()
        },
        {key: value for key, value in settings.items() if key not in known},
    )


def _scraper(type_: str, value: Value, place: Place) -> Scraper:
    settings = dict(_mapping(value, place))
    metrics = _mapping(settings.pop("metrics", None), place.below("metrics"))
    attributes = _mapping(
        settings.pop("resource_attributes", None), place.below("resource_attributes")
    )
    # Only the process scraper has these two as plain lists of names.
    include = settings.pop("include", None) if type_ == PROCESS else None
    exclude = settings.pop("exclude", None) if type_ == PROCESS else None
    for key in [key for key in settings if key.startswith(MUTING_PREFIX)]:
        del settings[key]  # what is emitted is the same with and without
    return Scraper(
        type_,
        place,
        {name: _metric(entry, place.below("metrics", name)) for name, entry in metrics.items()},
        {
            name: _attribute(entry, place.below("resource_attributes", name))
            for name, entry in attributes.items()
        },
        include,
        exclude,
        settings,
    )


def _metric(value: Value, place: Place) -> MetricSettings:
    settings = dict(_mapping(value, place))
    return MetricSettings(_flag(settings.pop("enabled", None), place.below("enabled")), settings)


def _attribute(value: Value, place: Place) -> AttributeSettings:
    settings = dict(_mapping(value, place))
    enabled = _flag(settings.pop("enabled", None), place.below("enabled"))
    include, exclude = settings.pop("metrics_include", None), settings.pop("metrics_exclude", None)
    return AttributeSettings(enabled, include, exclude, settings)


def name_patterns(value: Value, place: Place) -> Iterator[tuple[str, bool]]:
    """`include` or `exclude` of the process scraper: names, and whether they are regular expressions."""
    settings = _mapping(value, place)
    match_type, names = settings.get("match_type"), settings.get("names")
    if match_type not in ("strict", "regexp"):
        raise place.below("match_type").refusal(
            f"match_type: {match_type!r}; write strict or regexp"
        )
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise place.below("names").refusal("names: expected a list of texts")
    return ((str(name), match_type == "regexp") for name in names)


def attribute_patterns(value: Value, place: Place) -> Iterator[tuple[str, bool]]:
    """`metrics_include` or `metrics_exclude`: values, and whether they are regular expressions."""
    if not isinstance(value, tuple):
        raise place.refusal("expected a list of {strict: value} or {regexp: pattern}")
    for index, entry in enumerate(value):
        settings = _mapping(entry, place.below(index))
        for key in ("strict", "regexp"):
            pattern = settings.get(key)
            if isinstance(pattern, str) and pattern:
                yield pattern, key == "regexp"


def _mapping(value: Value, place: Place) -> Mapping[str, Value]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise place.refusal(f"expected a mapping, not {value!r}")
    return value


def _flag(value: Value, place: Place) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise place.refusal(f"enabled: expected true or false, not {value!r}")
