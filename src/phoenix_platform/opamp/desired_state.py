"""The desired state of a host: one document that the control plane writes and the agent makes true.

It is offered as remote configuration (key `CONFIG_KEY`) under the hash of its canonical JSON, so that a
lost message, a restart or a day without the control plane cannot leave a host half-way. The control
plane writes it (`application`), the agent reads it.
"""

import json
from datetime import datetime
from typing import Final

import msgspec

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.core.hashing import content_hash

CONFIG_KEY: Final = "phoenix/desired-state.json"
CONTENT_TYPE: Final = "application/json"
FORMAT: Final = 1


class DesiredPipeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    hash: str
    """Content hash of the configuration (`pipelines.configurations`)."""
    text: str
    """The collector configuration, YAML."""


class DesiredLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At which the agent ends an experiment by itself, with or without the control plane."""

    max_host_cpu_share: float
    """Share of the whole host (0 to 1) that the experiment's own processes may use."""
    abort_on_critical_miss: bool = True


class DesiredLoad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    profile: str
    seed: int
    deadline: datetime
    """UTC; the agent ends it then by itself."""


class DesiredExperiment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    baseline: DesiredPipeline
    candidate: DesiredPipeline
    interval_seconds: float
    production_interval_seconds: float
    deadline: datetime
    """UTC; the agent ends the experiment then by itself."""
    limits: DesiredLimits
    critical: tuple[str, ...] = ()
    """Patterns, as `metering.patterns` reads them."""
    critical_identity: str = "instance"
    exporter: str | None = None
    ignore: tuple[str, ...] = ()
    load: DesiredLoad | None = None
    """A load simulation that runs with the experiment on this host."""
    traceparent: str | None = None
    """W3C trace context of the request that started it."""


class DesiredState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int = FORMAT
    host_id: str
    experiments: tuple[DesiredExperiment, ...] = ()
    loads: tuple[DesiredLoad, ...] = ()
    production: DesiredPipeline | None = None
    """Configuration of the production collector; None: it is not managed."""


def encode_desired_state(state: DesiredState) -> bytes:
    """The document as it is offered: equal states give equal bytes."""
    return msgspec.json.encode(state, order="deterministic")


def desired_state_hash(body: bytes) -> str:
    """The hash under which a document is offered, whatever the order of its keys."""
    return content_hash(json.loads(body))


def decode_desired_state(body: bytes) -> DesiredState:
    """Read a document.

    Raises:
        InvalidInputError: If it is not one, or of another format.
    """
    try:
        state = msgspec.json.decode(body, type=DesiredState)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise InvalidInputError(f"desired state: {error}") from error
    if state.format != FORMAT:
        raise InvalidInputError(
            f"desired state: format {state.format} is not {FORMAT}; update the agent"
        )
    return state
