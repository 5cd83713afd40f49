"""Samples: from the spools of hosts into the experiments they belong to, one effect each."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from phoenix_platform.application.changes import send
from phoenix_platform.application.ports import Begin
from phoenix_platform.core.canonical_json import Json
from phoenix_platform.core.clock import Clock
from phoenix_platform.core.errors import NotFoundError
from phoenix_platform.domain.experiments import ExperimentId
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.metering.samples import Sample

ADDED = "samples.added"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBatch:
    """A piece of one host's spool."""

    experiment_id: UUID
    first_sequence: int
    """Number of its first sample, counted from 1 over the experiment on this host."""
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    experiment_id: UUID
    through_sequence: int
    """The agent may forget everything up to here."""


async def take_samples(
    batch: SampleBatch, *, host_id: HostId, tenant_id: TenantId, begin: Begin, clock: Clock
) -> Taken:
    """Keep a batch; what is there already stays, what belongs to no experiment of the host is let go."""
    experiment_id = ExperimentId(batch.experiment_id)
    through = batch.first_sequence + len(batch.samples) - 1
    taken = Taken(experiment_id=experiment_id, through_sequence=through)
    async with begin(tenant_id) as work:
        try:
            experiment = await work.experiments.get(experiment_id)
        except NotFoundError:
            return taken  # deleted meanwhile: nobody will ask for it
        host = experiment.host(host_id)
        # A late sample changes no verdict, but it was measured: it stays with its experiment.
        if host is None:
            return taken
        new = await work.samples.add(experiment_id, host_id, batch.samples)
        if new:
            payload: dict[str, Json] = {
                "experiment_id": str(experiment_id),
                "host": host.name,
                "samples": new,
            }
            topics = (f"experiment:{experiment_id}",)
            await send(work, topics, ADDED, payload, clock=clock)
    return taken


async def read_samples(
    experiment_id: ExperimentId,
    *,
    after: int,
    limit: int,
    tenant_id: TenantId,
    begin: Begin,
) -> tuple[Sequence[Sample], int]:
    """Samples in the order in which they came, and the position behind the last.

    Raises:
        NotFoundError: If there is no such experiment.
    """
    async with begin(tenant_id) as work:
        await work.experiments.get(experiment_id)
        return await work.samples.after(experiment_id, after, limit)
