"""Load simulations on hosts: real processes that behave as a profile says, until a deadline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NewType
from uuid import UUID

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.tenants import TenantId

LoadSimulationId = NewType("LoadSimulationId", UUID)
PROFILES: Final = ("realistic", "high-cardinality", "high-churn", "process-kill")
"""As the agents know them; a test holds this list to theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSimulation:
    id: LoadSimulationId
    tenant_id: TenantId
    profile: str
    seed: int
    hosts: tuple[HostId, ...]
    created_at: datetime
    created_by: str
    deadline: datetime
    stopped_at: datetime | None = None
    reports: Mapping[HostId, str] = field(default_factory=dict[HostId, str])
    """What each host said last."""
    version: int = 1

    def __post_init__(self) -> None:
        if not self.hosts:
            raise InvalidInputError("hosts: none is named; name one, or a selector that finds one")
        if self.deadline <= self.created_at:
            raise InvalidInputError("duration: not above zero; give one such as 10m")

    def is_wanted(self, now: datetime) -> bool:
        return self.stopped_at is None and now < self.deadline


def check_profile(name: str, *, field: str) -> None:
    """Whether agents know such a profile.

    Raises:
        InvalidInputError: If they do not.
    """
    if name not in PROFILES:
        raise InvalidInputError(
            f"{field}: there is no {name!r}; choose one of {', '.join(PROFILES)}"
        )
