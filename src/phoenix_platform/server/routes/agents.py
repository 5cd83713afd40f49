"""What agents post: the samples of their spools."""

from uuid import UUID

from litestar import post
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from phoenix_platform.application.samples import SampleBatch, take_samples
from phoenix_platform.domain.hosts import HostId
from phoenix_platform.domain.permissions import Permission
from phoenix_platform.metering.sample_columns import samples_of
from phoenix_platform.server.dependencies import ActorDep, BeginDep, ClockDep
from phoenix_platform.wire.v1.experiments import AcceptedBatch, AcceptedBatches, AgentBatches


@post(
    "/api/v1/agent/samples",
    operation_id="postSamples",
    permission=Permission.AGENT_REPORT,
    status_code=200,
)
async def post_samples(
    data: JSONBody[AgentBatches], begin: BeginDep, actor: ActorDep, clock: ClockDep
) -> AcceptedBatches:
    """Samples of the host that posts; each has one effect, however often it comes."""
    accepted: list[AcceptedBatch] = []
    for one in data.batches:
        batch = SampleBatch(
            experiment_id=one.experiment_id,
            first_sequence=one.first_sequence,
            samples=samples_of(one.columns),
        )
        taken = await take_samples(
            batch,
            host_id=HostId(UUID(actor.id)),
            tenant_id=actor.tenant_id,
            begin=begin,
            clock=clock,
        )
        accepted.append(
            AcceptedBatch(
                experiment_id=taken.experiment_id, through_sequence=taken.through_sequence
            )
        )
    return AcceptedBatches(accepted=accepted)


ROUTES: list[ControllerRouterHandler] = [post_samples]
