"""What the server can be told, by group; read once by `phoenix serve` and `phoenix migrate` and passed on.

A value comes from the command line, else from the environment (`PHOENIX_<GROUP>__<FIELD>`), else from the
YAML file of `--config`, else it is the default here. Durations are written `30s` or `1h30m`, sizes `1MiB`.
`server.settings_sources` finds keys that do not exist; docs/reference/settings.md is written from this file.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from phoenix_platform.adapters.prometheus.settings import PrometheusSettings
from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.local_files import PLATFORM_FOLDER, SERVER_FOLDER
from phoenix_platform.core.units import parse_bytes, parse_duration


def _duration(value: object) -> object:
    try:
        return parse_duration(value, field="duration") if isinstance(value, str) else value
    except InvalidInputError as error:
        raise ValueError(str(error)) from error  # what pydantic gathers, with the field's place


def _size(value: object) -> object:
    try:
        return parse_bytes(value, field="size") if isinstance(value, str) else value
    except InvalidInputError as error:
        raise ValueError(str(error)) from error


Duration: TypeAlias = Annotated[timedelta, Field(gt=timedelta(0)), BeforeValidator(_duration)]
Size: TypeAlias = Annotated[int, Field(gt=0), BeforeValidator(_size)]
Count: TypeAlias = Annotated[int, Field(gt=0)]


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpSettings(Group):
    host: str = "127.0.0.1"
    """The address to listen on. Loopback, because beyond it everybody must sign in and TLS must stand before."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """The one port of REST, events and OpAMP. 0 takes a free one and says which, for tests."""

    keep_alive: Duration = timedelta(seconds=75)
    """How long an idle connection stays open. Longer than the 60 s of common load balancers, so that they close first."""

    max_body: Size = 1024**2
    """The largest body of a request, unless its route says otherwise (samples, OpAMP). No document of ours comes near 1 MiB."""

    forwarded_from: tuple[str, ...] = ("127.0.0.1", "::1")
    """Peers whose X-Forwarded-For is believed: a reverse proxy on this host. Rate limits before sign-in go by that address."""


class DatabaseSettings(Group):
    url: SecretStr | None = None
    """Where state lives, as a URL: `sqlite:///file` for one process, `postgresql://…` for several. Default:
    `phoenix.db` in the data directory, so that nothing needs to be set up."""

    pool_size: Count = 10
    """Connections to PostgreSQL of one process. A transaction takes milliseconds, so ten serve thousands of requests a second."""

    connect_timeout: Duration = timedelta(seconds=5)
    """How long to wait for the database before `/readyz` and requests say that it is away."""


class EventsSettings(Group):
    max_backlog: Count = 1000
    """Events that wait for one subscriber; one more and it is cut off with 1013. A minute of a busy fleet, at most some MB."""

    max_subscribers: Count = 10_000
    """WebSockets of `/api/v1/events` of this process; more are refused. What one process was designed for."""

    flush_interval: Duration = timedelta(milliseconds=100)
    """The least time between two batches to a subscriber. Below what an eye notices; lets `samples.added` coalesce."""

    heartbeat_interval: Duration = timedelta(seconds=15)
    """How often an idle subscriber hears that it is still connected. Below the 30 s of impatient proxies."""

    poll_interval: Duration = timedelta(seconds=1)
    """How often the outbox is read when nobody announced anything: what a lost notification costs at the most."""


class FleetSettings(Group):
    collectors: tuple[Path, ...] = ()
    """Collector binaries that are asked whether they take a configuration before it is offered to hosts of the same
    distribution and release. Default: those on the PATH. Of a release without one here, the hosts tell."""


class LimitsSettings(Group):
    requests_per_second: Annotated[float, Field(gt=0)] = 50.0
    """Requests that one user, service account or agent may send for long. Far above what people and CI do."""

    burst: Count = 200
    """Requests that may come at once before that rate holds: a dashboard that opens, a script that lists."""

    anonymous_per_second: Annotated[float, Field(gt=0)] = 10.0
    """The same for one address before it has signed in: enough to sign in and to enrol behind one NAT."""

    anonymous_burst: Count = 100
    """The same for an address. A rack of agents that enrols together fits in."""

    max_tracked: Count = 50_000
    """Actors and addresses remembered at once (100 B each); the longest idle one is forgotten first."""


class HealthSettings(Group):
    max_loop_lag: Duration = timedelta(seconds=5)
    """A turn of the event loop that took longer makes `/livez` fail: something blocks, and a restart helps."""

    check_timeout: Duration = timedelta(seconds=2)
    """How long `/readyz` waits for one dependency. Below the 3 s that probes commonly wait."""


class DrainSettings(Group):
    notice: Duration = timedelta(seconds=2)
    """After SIGTERM: how long `/readyz` says no while requests are still taken, so that load balancers look elsewhere first."""

    timeout: Duration = timedelta(seconds=30)
    """After SIGTERM: when requests still in flight are cancelled. What Kubernetes waits before it kills."""


class LogSettings(Group):
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is written. `info` is a line per change of state, none per request."""

    format: Literal["json", "text"] = "json"
    """`json` for machines, one object a line; `text` for people at a terminal."""


class TracesSettings(Group):
    otlp_endpoint: str | None = None
    """Base URL of an OTLP/HTTP receiver, such as `http://127.0.0.1:4318`. Default: none; then no span is recorded."""

    sampled_share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of traces that are recorded, 0 to 1. All: the API of a control plane is quiet."""


class ServerSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="PHOENIX_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    data_directory: Path | None = None
    """Where database, keys and the command line's credential lie, in the folder `server`. Default:
    `$XDG_DATA_HOME/phoenix-platform`, the same as for the other commands, so that they find the credential."""

    http: HttpSettings = HttpSettings()
    database: DatabaseSettings = DatabaseSettings()
    events: EventsSettings = EventsSettings()
    fleet: FleetSettings = FleetSettings()
    limits: LimitsSettings = LimitsSettings()
    health: HealthSettings = HealthSettings()
    drain: DrainSettings = DrainSettings()
    prometheus: PrometheusSettings = PrometheusSettings()
    log: LogSettings = LogSettings()
    traces: TracesSettings = TracesSettings()

    xdg_data_home: Annotated[Path, Field(validation_alias="XDG_DATA_HOME")] = Path("~/.local/share")
    """The user's data, as the XDG base directory specification names it."""

    @property
    def folder(self) -> Path:
        """The server's own folder in the data directory."""
        base = self.data_directory or self.xdg_data_home / PLATFORM_FOLDER
        return base.expanduser() / SERVER_FOLDER

    @property
    def database_url(self) -> str:
        """Where state lives; may hold a password, so never print it."""
        if self.database.url is None:
            return f"sqlite:///{self.folder / 'phoenix.db'}"
        return self.database.url.get_secret_value()

    @property
    def is_embedded(self) -> bool:
        """Whether state lives in a file that belongs to this one process."""
        return self.database_url.startswith("sqlite")
