"""The one place where the server's real parts meet: settings in, a running control plane out. `server.command` calls it."""

import os
import platform
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from opentelemetry import trace

from phoenix_platform.adapters.key_files.private_files import put_private
from phoenix_platform.adapters.sql.engines import Database, DatabaseLimits, open_database
from phoenix_platform.adapters.sql.identity_units import identity_work_of
from phoenix_platform.adapters.sql.leases import SqlLeases
from phoenix_platform.adapters.sql.migrations.running import check_schema
from phoenix_platform.adapters.sql.notifications import listen
from phoenix_platform.adapters.sql.outbox import EventLog
from phoenix_platform.adapters.sql.publishing import follow, publish_events
from phoenix_platform.adapters.sql.token_owners import SqlTokenOwners
from phoenix_platform.adapters.sql.transactions import Transactions
from phoenix_platform.adapters.sql.wakeups import Bells
from phoenix_platform.application.identity_ports import IdentityWork
from phoenix_platform.application.opamp import HostsFleet
from phoenix_platform.application.reconcilers.rounds import Rounds
from phoenix_platform.core.clock import Clock, SystemClock
from phoenix_platform.core.ids import new_id
from phoenix_platform.core.local_files import LOCAL_ADDRESS_FILE
from phoenix_platform.core.tokens import TokenKind
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server.admission import RateLimits
from phoenix_platform.server.app import Services, create_app
from phoenix_platform.server.authentication import Identity, keep_identity
from phoenix_platform.server.event_feed import feed
from phoenix_platform.server.fleet import certificate_signer, experiments_rounds
from phoenix_platform.server.gauges import add_fleet_gauges, add_gauges
from phoenix_platform.server.health import Health
from phoenix_platform.server.hub import Hub
from phoenix_platform.server.identity import (
    is_for_one_machine,
    open_first_door,
    open_identity,
)
from phoenix_platform.server.measuring import Measuring
from phoenix_platform.server.metrics import ServerMetrics
from phoenix_platform.server.migrate import migrate
from phoenix_platform.server.opamp import OpampEndpoint
from phoenix_platform.server.queries import ask_queries
from phoenix_platform.server.rate_limits import RateLimiter
from phoenix_platform.server.routes.events import Watching
from phoenix_platform.server.routes.opamp import Opamp
from phoenix_platform.server.running import Job, serve
from phoenix_platform.server.settings import LimitsSettings, ServerSettings
from phoenix_platform.server.tidying import tidy
from phoenix_platform.server.traces import provider_of, traced


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is open while the server runs."""

    settings: ServerSettings
    clock: Clock
    database: Database
    bells: Bells
    transactions: Transactions[IdentityWork]
    leases: SqlLeases
    log: EventLog
    identity: Identity
    certificate_key: bytes
    """Public half of what signs certificates."""
    experiments: Rounds
    opamp: OpampEndpoint


async def run(settings: ServerSettings) -> signal.Signals | None:
    """Run the control plane until a signal; gives that signal.

    Raises:
        PhoenixError: Why it cannot start, with the fix.
    """
    provider = provider_of(settings.traces)
    if provider is not None:
        trace.set_tracer_provider(provider)
    try:
        async with _opened(settings) as database:
            if settings.is_embedded:
                await migrate(settings)
            await check_schema(database)
            await database.check_role()
            return await _run(await _parts(settings, database))
    finally:
        if provider is not None:
            provider.shutdown()


async def check(settings: ServerSettings) -> list[str]:
    """What was found valid, a line each; at most an empty file of SQLite is made.

    Raises:
        PhoenixError: What is not, with the fix.
    """
    async with _opened(settings) as database:
        await database.check()
        await database.check_role()
        if not settings.is_embedded:
            await check_schema(database)
    kind = "SQLite" if settings.is_embedded else "PostgreSQL"
    return ["settings: valid", f"database: {kind} answers, its schema fits"]


@asynccontextmanager
async def _opened(settings: ServerSettings) -> AsyncGenerator[Database]:
    """The database while the block lasts."""
    limits = DatabaseLimits(
        pool_size=settings.database.pool_size, connect_timeout=settings.database.connect_timeout
    )
    database = open_database(settings.database_url, limits)
    try:
        yield database
    finally:
        await database.close()


async def _parts(settings: ServerSettings, database: Database) -> Parts:
    clock, bells = SystemClock(), Bells()
    transactions = Transactions(database, bells, identity_work_of)
    signer = certificate_signer(settings)
    leases = SqlLeases(database, f"{platform.node()}:{os.getpid()}:{new_id(clock)}")
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        bells=bells,
        transactions=transactions,
        leases=leases,
        log=EventLog(database, bells),
        identity=await open_identity(settings, database, transactions, clock),
        certificate_key=signer.public_key,
        experiments=experiments_rounds(
            settings,
            signer=signer,
            begin=transactions.begin,
            all_tenants=transactions.all_tenants,
            leases=leases,
            clock=clock,
        ),
        opamp=OpampEndpoint(
            fleet=HostsFleet(begin=transactions.begin, clock=clock),
            clock=clock,
            new_id=partial(new_id, clock),
        ),
    )


async def _run(parts: Parts) -> signal.Signals | None:
    settings = parts.settings
    services, measuring = services_of(parts)
    hub = services.watching.hub
    hub.start_at(await parts.log.newest())
    link = await open_first_door(settings, parts.identity)
    return await serve(
        create_app(services),
        http=settings.http,
        drain=settings.drain,
        health=services.health,
        jobs=[measuring.run, *_jobs(parts, hub)],
        on_listening=partial(_announce, settings, link),
        on_stop=hub.closing.set,
    )


def services_of(parts: Parts) -> tuple[Services, Measuring]:
    """What the routes stand on, and what is measured beside them."""
    settings, clock = parts.settings, parts.clock
    health = Health(
        clock=clock,
        max_loop_lag_seconds=settings.health.max_loop_lag.total_seconds(),
        check_timeout_seconds=settings.health.check_timeout.total_seconds(),
    )
    health.require("database", parts.database.check)
    hub = Hub(
        max_backlog=settings.events.max_backlog, max_subscribers=settings.events.max_subscribers
    )
    metrics = ServerMetrics()
    measuring = Measuring(metrics)
    add_gauges(measuring, health=health, hub=hub, log=parts.log)
    add_fleet_gauges(metrics, rounds=parts.experiments, opamp=parts.opamp, clock=clock)
    tracer = trace.get_tracer("phoenix")
    kind = "sqlite" if settings.is_embedded else "postgresql"
    authenticate = parts.identity.authenticator.authenticate
    services = Services(
        clock=clock,
        new_id=partial(new_id, clock),
        begin=traced(parts.transactions.begin, tracer, database=kind),
        idempotent=parts.transactions.idempotent,
        authenticate=authenticate,
        limits=rate_limits(settings.limits, clock),
        health=health,
        metrics=metrics,
        tracer=tracer,
        watching=Watching(
            hub=hub,
            events=parts.log,
            authenticate=authenticate,
            flush_seconds=settings.events.flush_interval.total_seconds(),
            heartbeat_seconds=settings.events.heartbeat_interval.total_seconds(),
        ),
        max_body_bytes=settings.http.max_body,
        others={
            "identity": parts.identity,
            "certificate_key": parts.certificate_key,
            "opamp": Opamp(endpoint=parts.opamp, authenticate=authenticate, closing=hub.closing),
            "tenant_of_enrollment_token": partial(
                _tenant_of_secret, SqlTokenOwners(parts.database)
            ),
        },
    )
    return services, measuring


def rate_limits(settings: LimitsSettings, clock: Clock) -> RateLimits:
    limiter = partial(RateLimiter, max_tracked=settings.max_tracked, clock=clock)
    return RateLimits(
        actors=limiter(
            policy="actor", per_second=settings.requests_per_second, burst=settings.burst
        ),
        addresses=limiter(
            policy="address",
            per_second=settings.anonymous_per_second,
            burst=settings.anonymous_burst,
        ),
    )


def _jobs(parts: Parts, hub: Hub) -> Sequence[Job]:
    """What runs beside the requests; each until it is cancelled."""
    poll = parts.settings.events.poll_interval
    authenticator = parts.identity.authenticator
    return [
        partial(listen, parts.database, parts.bells),
        partial(publish_events, parts.log, parts.leases, clock=parts.clock, poll=poll),
        partial(
            feed,
            hub,
            parts.log,
            partial(follow, parts.log, poll=poll),
            listeners=[authenticator, parts.opamp],
        ),
        partial(keep_identity, parts.identity),
        partial(tidy, parts.transactions, parts.clock),
        parts.experiments.run,
        partial(
            ask_queries,
            parts.settings,
            begin=parts.transactions.begin,
            all_tenants=parts.transactions.all_tenants,
            leases=parts.leases,
            clock=parts.clock,
        ),
        parts.opamp.watch,
    ]


async def _tenant_of_secret(find_owner: SqlTokenOwners, secret_hash: str) -> TenantId | None:
    owner = await find_owner(TokenKind.ENROLLMENT, secret_hash)
    return None if owner is None else owner.tenant_id


def _announce(settings: ServerSettings, link: str | None, address: str) -> None:
    """Say where this server listens: to the command line on this machine, and to whoever has to open the first door.

    The link is printed where whoever started the server sees it; never into the log, as it opens the door.
    """
    if is_for_one_machine(settings):
        put_private(settings.folder / LOCAL_ADDRESS_FILE, f"{address}\n".encode())
    if link is not None:
        sys.stderr.write(f"Make the first admin, once: {address}{link}\n")
        sys.stderr.flush()
