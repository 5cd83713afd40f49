from functools import partial

import pytest
from litestar import get
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.server_parts import TENANT, Edge

from phoenix_platform.domain.permissions import Permission
from phoenix_platform.server.dependencies import BeginDep
from phoenix_platform.server.settings import TracesSettings
from phoenix_platform.server.traces import provider_of, traced, traceparent

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


@get("/api/v1/words", operation_id="listWords", permission=Permission.HOSTS_READ)
async def list_words(begin: BeginDep) -> str | None:
    async with begin(TENANT):
        return traceparent()


@get("/api/v1/bugs", operation_id="listBugs", permission=Permission.HOSTS_READ)
async def list_bugs() -> None:
    raise ZeroDivisionError


async def test_a_trace_goes_from_the_caller_through_request_and_transaction_to_whoever_works_on() -> (
    None
):
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    edge = Edge(tracer=provider.get_tracer("test"))
    edge.wrap_begin = partial(traced, tracer=edge.tracer, database="sqlite")
    async with edge.client(list_words, list_bugs, token="admin") as client:
        handed_on = (await client.get("/api/v1/words", headers=CALLER)).text
        await client.get("/api/v1/bugs")
    transaction, request, bug = exporter.get_finished_spans()
    assert [one.name for one in (transaction, request, bug)] == [
        "transaction",
        "listWords",
        "listBugs",
    ]
    assert request.context is not None
    assert transaction.context is not None
    assert request.context.trace_id == transaction.context.trace_id == int(TRACE, 16)
    assert transaction.parent is not None
    assert transaction.parent.span_id == request.context.span_id
    assert handed_on == f"00-{TRACE}-{transaction.context.span_id:016x}-01"
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert not bug.status.is_ok
    assert bug.parent is None


async def test_nothing_is_recorded_without_an_endpoint() -> None:
    assert provider_of(TracesSettings()) is None
    async with Edge().client(list_words, token="admin") as client:
        assert (await client.get("/api/v1/words")).json() is None


def test_spans_go_to_the_endpoint_that_was_set() -> None:
    provider = provider_of(TracesSettings(otlp_endpoint="http://127.0.0.1:1/"))
    assert provider is not None
    assert provider.resource.attributes["service.name"] == "phoenix-server"
    provider.shutdown()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_of_recorded_traces_is_what_was_set(share: float) -> None:
    provider = provider_of(TracesSettings(otlp_endpoint="http://127.0.0.1:1", sampled_share=share))
    assert provider is not None
    span = provider.get_tracer("test").start_span("x")
    assert span.is_recording() is (share == 1.0)
    provider.shutdown()
