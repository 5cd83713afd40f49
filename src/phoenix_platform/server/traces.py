"""Spans from a request over its transaction to what leaves for an agent, under one trace id that is handed on.

Off unless an OTLP endpoint is set: then nothing is recorded, and a caller's `traceparent` still reaches the log. Others
make spans with `opentelemetry.trace.get_tracer("phoenix")` and hand a trace on with `traceparent()`.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Final

from litestar.enums import ScopeType
from litestar.types import Scope
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from phoenix_platform.application.ports import Begin, Fence, UnitOfWork
from phoenix_platform.core.version import VERSION
from phoenix_platform.domain.tenants import TenantId
from phoenix_platform.server.settings import TracesSettings

_SERVICE: Final = {"service.name": "phoenix-server", "service.version": VERSION}
_TRACE_CONTEXT: Final = TraceContextTextMapPropagator()


def provider_of(settings: TracesSettings) -> TracerProvider | None:
    """Where spans go; None: nowhere."""
    if settings.otlp_endpoint is None:
        return None
    provider = TracerProvider(
        resource=Resource.create(_SERVICE),
        sampler=ParentBasedTraceIdRatio(settings.sampled_share),
        shutdown_on_exit=False,  # done by who opened it, off the event loop
    )
    endpoint = settings.otlp_endpoint.rstrip("/") + "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider


@contextmanager
def request_span(tracer: Tracer, scope: Scope) -> Generator[Span]:
    """The span of a request, below that of the caller where it sent a `traceparent`.

    A WebSocket has none: it lasts for days, and what happens on it would all be one trace.
    """
    if scope["type"] != ScopeType.HTTP:
        yield trace.INVALID_SPAN
        return
    method = scope["method"]
    with tracer.start_as_current_span(
        method,
        context=_context_of(scope),
        kind=SpanKind.SERVER,
        attributes={"http.request.method": method, "url.path": scope["path"]},
    ) as span:
        yield span


def finish_request_span(span: Span, *, operation: str, status: int) -> None:
    """Name the span by what it turned out to be."""
    span.update_name(operation)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.set_status(StatusCode.ERROR)


def traced(begin: Begin, tracer: Tracer, *, database: str) -> Begin:
    """The same, with a span around each transaction."""

    @asynccontextmanager
    async def begin_traced(
        tenant_id: TenantId, *, fence: Fence | None = None
    ) -> AsyncGenerator[UnitOfWork]:
        attributes = {"db.system.name": database}
        with tracer.start_as_current_span(
            "transaction", kind=SpanKind.CLIENT, attributes=attributes
        ):
            async with begin(tenant_id, fence=fence) as work:
                yield work

    return begin_traced


def traceparent() -> str | None:
    """The current span, as a `traceparent` for whoever works on; None: there is none."""
    carrier: dict[str, str] = {}
    _TRACE_CONTEXT.inject(carrier)
    return carrier.get("traceparent")


def _context_of(scope: Scope) -> Context:
    carrier = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in scope["headers"]
        if name.lower() in (b"traceparent", b"tracestate")
    }
    return _TRACE_CONTEXT.extract(carrier, context=trace.set_span_in_context(trace.INVALID_SPAN))
