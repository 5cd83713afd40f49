"""What a route may ask for, by name and type; `server.app` provides it.

A route writes `async def start(begin: BeginDep, actor: ActorDep, clock: ClockDep) -> …`; the names count.
"""

from typing import TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from phoenix_platform.application.ports import Begin
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.ids import IdFactory
from phoenix_platform.domain.actors import Actor
from phoenix_platform.server.health import Health
from phoenix_platform.server.metrics import ServerMetrics

BeginDep: TypeAlias = NamedDependency[SkipValidation[Begin]]
"""`begin`: opens a transaction; with an `Idempotency-Key` it joins the one that stores the answer."""
ClockDep: TypeAlias = NamedDependency[SkipValidation[Clock]]
"""`clock`"""
NewIdDep: TypeAlias = NamedDependency[SkipValidation[IdFactory]]
"""`new_id`: makes UUIDs of version 7."""
ActorDep: TypeAlias = NamedDependency[SkipValidation[Actor]]
"""`actor`: who asks. Routes that are PUBLIC have none."""
HealthDep: TypeAlias = NamedDependency[SkipValidation[Health]]
"""`health`"""
MetricsDep: TypeAlias = NamedDependency[SkipValidation[ServerMetrics]]
"""`metrics`"""
