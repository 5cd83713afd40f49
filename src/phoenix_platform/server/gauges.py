"""The gauges of the edge itself; others add theirs to the same `Measuring` (queues) or `ServerMetrics` (states in memory)."""

from phoenix_platform.adapters.sql.outbox import EventLog
from phoenix_platform.server.health import Health
from phoenix_platform.server.hub import Hub
from phoenix_platform.server.measuring import Measuring


def add_gauges(measuring: Measuring, *, health: Health, hub: Hub, log: EventLog) -> None:
    metrics = measuring.metrics
    metrics.add_gauge(
        "phoenix_event_loop_lag_seconds",
        "The latest that a turn of the event loop was late, within the last 15 s.",
        lambda: {(): health.loop_lag_seconds},
    )
    metrics.add_gauge(
        "phoenix_event_subscribers",
        "WebSockets that watch events.",
        lambda: {(): float(hub.subscribers)},
    )
    metrics.add_gauge(
        "phoenix_event_backlog_events",
        "Events that wait for the slowest subscriber.",
        lambda: {(): float(hub.largest_backlog)},
    )
    metrics.add_gauge(
        "phoenix_event_subscribers_cut_off",
        "Subscribers that were too slow, since the start.",
        lambda: {(): float(hub.cut_off)},
    )

    async def waiting() -> dict[tuple[str, ...], float]:
        return {(): float(await log.waiting())}

    measuring.add("phoenix_outbox_events", "Events that are not published yet.", waiting)
