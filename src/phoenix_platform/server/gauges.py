"""The gauges of the edge itself; others add theirs to the same `Measuring` (queues) or `ServerMetrics` (states in memory)."""

from phoenix_platform.adapters.sql.outbox import EventLog
from phoenix_platform.application.reconcilers.rounds import Rounds
from phoenix_platform.core.clock import Clock
from phoenix_platform.server.health import Health
from phoenix_platform.server.hub import Hub
from phoenix_platform.server.measuring import Measuring
from phoenix_platform.server.metrics import ServerMetrics
from phoenix_platform.server.opamp import OpampEndpoint


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


def add_fleet_gauges(
    metrics: ServerMetrics, *, rounds: Rounds, opamp: OpampEndpoint, clock: Clock
) -> None:
    """What this replica does for the fleet; a replica that does not reconcile shows no value for it."""

    def lag() -> dict[tuple[str, ...], float]:
        if not rounds.is_holder or rounds.last_round_at is None:
            return {}
        return {(): clock.monotonic() - rounds.last_round_at}

    def round_seconds() -> dict[tuple[str, ...], float]:
        seconds = rounds.last_round_seconds
        return {} if seconds is None or not rounds.is_holder else {(): seconds}

    metrics.add_gauge(
        "phoenix_reconcile_lag_seconds",
        "Since the last round over all experiments ended, on the replica that walks them.",
        lag,
    )
    metrics.add_gauge(
        "phoenix_reconcile_round_seconds",
        "How long the last round over all experiments took.",
        round_seconds,
    )
    metrics.add_gauge(
        "phoenix_experiments_open",
        "Experiments under way, in the last round.",
        lambda: {(): float(rounds.open)} if rounds.is_holder else {},
    )
    metrics.add_gauge(
        "phoenix_agents",
        "Hosts that are connected to this replica, by how they say they are.",
        lambda: {(state,): float(count) for state, count in opamp.agents_by_state().items()},
        ("state",),
    )
