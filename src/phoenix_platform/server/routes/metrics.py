"""`/metrics` for Prometheus."""

from litestar import Response, get
from litestar.types import ControllerRouterHandler

from phoenix_platform.server.admission import PUBLIC
from phoenix_platform.server.dependencies import MetricsDep
from phoenix_platform.server.metrics import MEDIA_TYPE


@get(
    "/metrics",
    operation_id="getMetrics",
    permission=PUBLIC,
    rate_limited=False,
    media_type=MEDIA_TYPE,
)
async def read_metrics(metrics: MetricsDep) -> Response[bytes]:
    """Measures of this process in Prometheus' text format; counts and states, never names of anybody's."""
    return Response(metrics.text(), media_type=MEDIA_TYPE)


ROUTES: list[ControllerRouterHandler] = [read_metrics]
