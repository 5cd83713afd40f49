"""Components of a collector: kinds, ids, and the type names that upstream renamed.

Old and new names are read alike. Which one is written depends on the collector that will read it: the
new names warn of nothing where they exist and are unknown before. Called by everything here that looks at
a configuration or writes one.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self, TypeAlias

from phoenix_platform.core.errors import InvalidInputError

Version: TypeAlias = tuple[int, int, int]


class Kind(StrEnum):
    RECEIVER = "receiver"
    PROCESSOR = "processor"
    EXPORTER = "exporter"
    CONNECTOR = "connector"
    EXTENSION = "extension"

    @property
    def section(self) -> str:
        """The top-level key of a configuration that defines components of this kind."""
        return f"{self.value}s"


@dataclass(frozen=True, slots=True)
class Rename:
    kind: Kind
    old: str
    new: str
    since: Version | None
    """First release that knows the new name; `None` where we have not seen it, so the old one is written."""


RENAMES: Final = (
    Rename(Kind.RECEIVER, "apachespark", "apache_spark", (0, 154, 0)),
    Rename(Kind.RECEIVER, "awscloudwatch", "aws_cloudwatch", (0, 156, 0)),
    Rename(Kind.RECEIVER, "azureeventhub", "azure_event_hub", (0, 145, 0)),
    Rename(Kind.RECEIVER, "cloudfoundry", "cloud_foundry", (0, 152, 0)),
    Rename(Kind.RECEIVER, "filelog", "file_log", (0, 149, 0)),
    Rename(Kind.RECEIVER, "filestats", "file_stats", (0, 151, 0)),
    Rename(Kind.RECEIVER, "fluentforward", "fluent_forward", (0, 151, 0)),
    Rename(Kind.RECEIVER, "hostmetrics", "host_metrics", (0, 151, 0)),
    Rename(Kind.RECEIVER, "httpcheck", "http_check", (0, 150, 0)),
    Rename(Kind.RECEIVER, "k8sobjects", "k8s_objects", (0, 151, 0)),
    Rename(Kind.RECEIVER, "kafkametrics", "kafka_metrics", (0, 152, 0)),
    Rename(Kind.RECEIVER, "kubeletstats", "kubelet_stats", (0, 152, 0)),
    Rename(Kind.RECEIVER, "mongodbatlas", "mongodb_atlas", (0, 145, 0)),
    Rename(Kind.RECEIVER, "splunkenterprise", "splunk_enterprise", (0, 155, 0)),
    Rename(Kind.RECEIVER, "sshcheck", "ssh_check", (0, 151, 0)),
    Rename(Kind.RECEIVER, "tcpcheck", "tcp_check", (0, 152, 0)),
    Rename(Kind.RECEIVER, "tcplog", "tcp_log", (0, 150, 0)),
    Rename(Kind.RECEIVER, "tlscheck", "tls_check", (0, 150, 0)),
    Rename(Kind.RECEIVER, "udplog", "udp_log", (0, 150, 0)),
    Rename(Kind.RECEIVER, "windowseventlog", "windows_event_log", (0, 150, 0)),
    Rename(Kind.RECEIVER, "windowsservice", "windows_service", (0, 154, 0)),
    Rename(Kind.PROCESSOR, "cumulativetodelta", "cumulative_to_delta", (0, 157, 0)),
    Rename(Kind.PROCESSOR, "deltatorate", "delta_to_rate", None),
    Rename(Kind.PROCESSOR, "k8sattributes", "k8s_attributes", (0, 146, 0)),
    Rename(Kind.PROCESSOR, "metricstransform", "metrics_transform", (0, 152, 0)),
    Rename(Kind.PROCESSOR, "resourcedetection", "resource_detection", (0, 153, 0)),
    Rename(Kind.EXPORTER, "loadbalancing", "load_balancing", (0, 153, 0)),
    Rename(Kind.EXPORTER, "otlp", "otlp_grpc", (0, 144, 0)),
    Rename(Kind.EXPORTER, "otlphttp", "otlp_http", (0, 144, 0)),
    Rename(Kind.EXPORTER, "prometheusremotewrite", "prometheus_remote_write", (0, 154, 0)),
    Rename(Kind.CONNECTOR, "spanmetrics", "span_metrics", (0, 151, 0)),
)
"""Type names that upstream renamed; the old ones stay as deprecated aliases. Source: the upstream changelogs."""

_BY_OLD: Final = {(rename.kind, rename.old): rename for rename in RENAMES}
_BY_NEW: Final = {(rename.kind, rename.new): rename for rename in RENAMES}

_TYPE: Final = re.compile(r"[A-Za-z][0-9A-Za-z_]{0,62}")


@dataclass(frozen=True, slots=True, order=True)
class ComponentId:
    type: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.type}/{self.name}" if self.name else self.type


def parse_component_id(text: str, *, field: str) -> ComponentId:
    """Read `type[/name]`, spaces around the parts dropped as the collector drops them.

    Raises:
        InvalidInputError: If there is no type, a malformed one, or a slash without a name.

    Source: `ID.UnmarshalText` in go.opentelemetry.io/collector/component v1.67.0.
    """
    type_, slash, name = (part.strip() for part in text.partition("/"))
    if _TYPE.fullmatch(type_) is None or (slash and not name):
        raise InvalidInputError(f"{field}: not a component id: {text!r}; write type or type/name")
    return ComponentId(type_, name)


def canonical_type(kind: Kind, type_: str) -> str:
    """The newest name of the type; what every table here is keyed by."""
    rename = _BY_OLD.get((kind, type_))
    return type_ if rename is None else rename.new


@dataclass(frozen=True, slots=True)
class Target:
    """The collector that will read what is written: what it has, and which names it knows."""

    types: Mapping[Kind, frozenset[str]] | None = None
    """Types the binary prints with `components`; `None` if it was not asked, then nothing is lacking."""
    version: Version | None = None
    """Decides the names where `types` is `None`; without both the newest names are written."""

    @classmethod
    def of_components(cls, types: Mapping[Kind, Iterable[str]]) -> Self:
        return cls(types={kind: frozenset(names) for kind, names in types.items()})

    def has(self, kind: Kind, type_: str) -> bool:
        """Whether it has the type under either name. The old names are accepted by newer binaries."""
        if self.types is None:
            return True
        known = {canonical_type(kind, known) for known in self.types.get(kind, frozenset())}
        return canonical_type(kind, type_) in known

    def type_to_write(self, kind: Kind, type_: str) -> str:
        """The name of the type that this collector knows without a warning."""
        new = canonical_type(kind, type_)
        rename = _BY_NEW.get((kind, new))
        if rename is None:
            return new
        if self.types is not None:
            known = self.types.get(kind, frozenset())
            return rename.old if rename.old in known and new not in known else new
        if self.version is None:
            return new
        return new if rename.since is not None and self.version >= rename.since else rename.old

    def id_to_write(self, kind: Kind, id_: str) -> str:
        """A user's component id as this collector reads it: unchanged unless its type is too new for it."""
        written = parse_component_id(id_, field=kind.value)
        if canonical_type(kind, written.type) != written.type:
            return id_  # every release accepts the old names
        return str(ComponentId(self.type_to_write(kind, written.type), written.name))


def parse_version(text: str, *, field: str) -> Version:
    """Read `0.161.0` or `v0.161.0`.

    Raises:
        InvalidInputError: If it is not three numbers.
    """
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    if match is None:
        raise InvalidInputError(f"{field}: not a version: {text!r}; write 0.161.0")
    return int(match[1]), int(match[2]), int(match[3])
