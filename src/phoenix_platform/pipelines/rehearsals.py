"""A configuration made harmless, so that it can really be started for a moment beside the one in production.

`validate` opens nothing; only a start shows a taken port or a missing certificate. Here exporters lead
nowhere, what listens gets a free port, what keeps files gets a folder of its own, and what would take
messages away from somebody (a queue's consumer) is replaced. Component ids stay, so that the collector's own
messages name what the user wrote. `phoenix collector validate` and `phoenix pipeline validate` start the result.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from phoenix_platform.pipelines.components import Kind, Target
from phoenix_platform.pipelines.configurations import Component, Configuration
from phoenix_platform.pipelines.documents import Value, thawed
from phoenix_platform.pipelines.own_folders import with_own_folder
from phoenix_platform.pipelines.self_telemetry import LOOPBACK, self_telemetry

_PROTOCOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "jaeger": ("grpc", "thrift_http", "thrift_compact", "thrift_binary"),
    "loki": ("grpc", "http"),
    "otelarrow": ("grpc",),
    "otlp": ("grpc", "http"),
    "skywalking": ("grpc", "http"),
}
"""Receivers that listen once per entry under `protocols`. Keys of these tables are types without underscores,
because upstream is adding those."""
_ENDPOINT: Final = frozenset(
    {
        "awsfirehose", "carbon", "collectd", "fluentforward", "healthcheck", "healthcheckv2", "influxdb", "opencensus",
        "pprof", "remotetap", "signalfx", "splunkhec", "statsd", "webhookevent", "zipkin", "zpages",
    }
)  # fmt: skip
"""Components that listen on `endpoint`, on a default port even where it is not written."""
_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {"healthcheckv2": ("http", "grpc")}
"""Components that also listen on `endpoint` of these sections, where they are written."""
_LISTEN_ADDRESS: Final[Mapping[str, tuple[str, ...]]] = {
    "syslog": ("tcp", "udp"),
    "tcplog": (),
    "udplog": (),
}
"""Receivers that listen on `listen_address`, of these sections or at the top."""

_CONSUMERS: Final = frozenset(
    {"awss3", "azureeventhub", "googlecloudpubsub", "kafka", "pulsar", "rabbitmq", "solace"}
)
"""Receivers that take messages from a queue: what a rehearsal reads, production would never see."""
_REPORTING: Final = frozenset({"opamp"})
"""Extensions that would speak for the collector in production."""

_SINK: Final = "phoenix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    config: dict[str, Any]
    """Plain dicts and lists, to be written as JSON or YAML."""
    telemetry_port: int
    """Answers on /metrics once the collector is up."""
    folders: tuple[str, ...]
    """Folders to create before the start."""
    notes: tuple[str, ...]
    """What is not rehearsed, one sentence each."""


def plan_rehearsal(
    configuration: Configuration, *, next_port: Callable[[], int], folder: str, target: Target
) -> Rehearsal:
    """Make a configuration that starts without touching anything outside `folder` and free ports.

    Args:
        configuration: What is to be rehearsed.
        next_port: Gives another free port of this host at each call.
        folder: Absolute path for the files of extensions.
        target: The collector that will run it.
    """
    return _Rehearsing(configuration, next_port, folder, target).plan()


class _Rehearsing:
    def __init__(
        self,
        configuration: Configuration,
        next_port: Callable[[], int],
        folder: str,
        target: Target,
    ) -> None:
        self._configuration = configuration
        self._next_port = next_port
        self._folder = folder
        self._target = target
        self._folders: list[str] = []
        self._notes: list[str] = []

    def plan(self) -> Rehearsal:
        telemetry_port = self._next_port()
        extensions = dict(self._extensions())
        config: dict[str, Value] = {
            "receivers": dict(self._receivers()),
            "processors": dict(self._processors()),
            "exporters": {self._sink: {}},
            "connectors": {id_: one.settings for id_, one in self._components(Kind.CONNECTOR)},
            "extensions": extensions,
            "service": {
                "extensions": tuple(
                    id_ for id_ in self._configuration.extensions if id_ in extensions
                ),
                "pipelines": dict(self._pipelines()),
                "telemetry": self_telemetry(port=telemetry_port, instance="phoenix-rehearsal"),
            },
        }
        return Rehearsal(
            config=thawed({key: value for key, value in config.items() if value}),
            telemetry_port=telemetry_port,
            folders=tuple(self._folders),
            notes=tuple(self._notes),
        )

    @property
    def _sink(self) -> str:
        type_ = "nop" if self._target.has(Kind.EXPORTER, "nop") else "debug"
        return f"{type_}/{_SINK}"

    def _components(self, kind: Kind) -> Iterator[tuple[str, Component]]:
        return iter(self._configuration.components[kind].items())

    def _receivers(self) -> Iterator[tuple[str, Value]]:
        for id_, component in self._components(Kind.RECEIVER):
            if _plain(component) not in _CONSUMERS:
                yield id_, self._moved(component)
                continue
            place = self._configuration.document.place(component.path)
            self._notes.append(
                f"receiver {id_} ({place}): not started, it would take messages from production"
            )
            yield self._replaced(id_), self._replacement()

    def _replaced(self, id_: str) -> str:
        type_ = "nop" if self._target.has(Kind.RECEIVER, "nop") else "otlp"
        return f"{type_}/{_SINK}_{id_.replace('/', '_')}"

    def _replacement(self) -> Value:
        if self._target.has(Kind.RECEIVER, "nop"):
            return {}
        return {"protocols": {"http": {"endpoint": self._address()}}}

    def _extensions(self) -> Iterator[tuple[str, Value]]:
        for id_, component in self._components(Kind.EXTENSION):
            if _plain(component) in _REPORTING:
                place = self._configuration.document.place(component.path)
                self._notes.append(
                    f"extension {id_} ({place}): not started, it would speak for production"
                )
                continue
            settings, folders = with_own_folder(component, self._folder)
            self._folders += folders
            yield id_, self._moved(component, settings)

    def _processors(self) -> Iterator[tuple[str, Value]]:
        for id_, component in self._components(Kind.PROCESSOR):
            settings, folders = with_own_folder(component, self._folder)
            self._folders += folders
            yield id_, self._moved(component, settings)

    def _pipelines(self) -> Iterator[tuple[str, Value]]:
        connectors = self._configuration.components[Kind.CONNECTOR]
        receivers = self._configuration.components[Kind.RECEIVER]
        for pipeline in self._configuration.pipelines.values():
            yield (
                pipeline.id,
                {
                    "receivers": tuple(
                        self._replaced(id_)
                        if id_ in receivers and _plain(receivers[id_]) in _CONSUMERS
                        else id_
                        for id_ in pipeline.receivers
                    ),
                    "processors": pipeline.processors,
                    "exporters": tuple(
                        dict.fromkeys(
                            id_ if id_ in connectors else self._sink for id_ in pipeline.exporters
                        )
                    ),
                },
            )

    def _moved(self, component: Component, settings: Mapping[str, Value] | None = None) -> Value:
        """The settings with every address that is listened on replaced by a free one."""
        moved = dict(component.settings if settings is None else settings)
        type_ = _plain(component)
        protocols = moved.get("protocols")
        if isinstance(protocols, Mapping) and type_ in _PROTOCOLS:
            moved["protocols"] = self._with_addresses(protocols, _PROTOCOLS[type_])
        if type_ in _ENDPOINT and moved.get("transport") not in ("unix", "unixgram"):
            moved["endpoint"] = self._address()
        if type_ in _SECTIONS:
            moved = dict(self._with_addresses(moved, _SECTIONS[type_]))
        if type_ in _LISTEN_ADDRESS:
            moved = dict(self._with_addresses(moved, _LISTEN_ADDRESS[type_], key="listen_address"))
            if "listen_address" in moved:
                moved["listen_address"] = self._address()
        return moved

    def _with_addresses(
        self, sections: Mapping[str, Value], names: tuple[str, ...], *, key: str = "endpoint"
    ) -> Mapping[str, Value]:
        moved = dict(sections)
        for name in names:
            section = sections.get(name)
            if name not in sections or (
                isinstance(section, Mapping) and section.get("transport") == "unix"
            ):
                continue
            moved[name] = {
                **(section if isinstance(section, Mapping) else {}),
                key: self._address(),
            }
        return moved

    def _address(self) -> str:
        return f"{LOOPBACK}:{self._next_port()}"


def _plain(component: Component) -> str:
    return component.type.replace("_", "")
