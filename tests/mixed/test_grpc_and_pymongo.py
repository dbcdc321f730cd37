"""One call, one span, and one request: gRPC and PyMongo, traced by the integrations and by OpenTelemetry's instrumentations."""

from __future__ import annotations

import asyncio
import sys
from concurrent import futures
from pathlib import Path

import grpc
import grpc.aio
import pytest
from opentelemetry.instrumentation.grpc import aio_client_interceptors, aio_server_interceptor, client_interceptor, server_interceptor
from opentelemetry.instrumentation.grpc.grpcext import intercept_channel
from opentelemetry.instrumentation.pymongo import CommandTracer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pymongo import MongoClient

import opencensus_compat
from appinsights_exporter import ApplicationInsightsSpanExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.ext.grpc.aio import OpenCensusAioServerInterceptor, client_interceptors
from opencensus_compat.ext.grpc.client_interceptor import OpenCensusClientInterceptor
from opencensus_compat.ext.grpc.server_interceptor import OpenCensusServerInterceptor
from opencensus_compat.ext.pymongo.trace import MongoCommandListener
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))
from mongo_server import MongoServer

METHOD = "/shop.Orders/Price"


@pytest.fixture
def endpoint():
    """The resource of both."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def provider(request, endpoint):
    """The provider of the instrumentations, which sends to the resource itself or not."""
    made = TracerProvider(shutdown_on_exit=False)
    if request.param == "same resource":
        made.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter(endpoint.connection_string)))
    made.kind = request.param
    opencensus_compat.configure(tracer_provider=made)
    return made


def _exporter(endpoint):
    return AzureExporter(connection_string=endpoint.connection_string)


def _arrived(endpoint, provider):
    """Return the chain of names from the innermost item outwards, and how many items there are."""
    assert opencensus_compat.flush(60)
    provider.force_flush()
    rows = [*endpoint.rows("dependencies"), *endpoint.rows("requests")]
    parents = {row["id"]: row["operation_ParentId"] for row in rows}
    names = {row["id"]: (row["itemType"], row["name"]) for row in rows}
    [innermost] = parents.keys() - parents.values()
    chain = []
    while innermost in names:
        chain.append(names[innermost])
        innermost = parents[innermost]
    return chain, len(rows)


async def _serve(body, context):
    with execution_context.get_opencensus_tracer().span(name="price"):
        return body


def _serve_plainly(body, context):
    with execution_context.get_opencensus_tracer().span(name="price"):
        return body


class Orders(grpc.GenericRpcHandler):
    """Answers with what came."""

    def __init__(self, serve):
        self._handler = grpc.unary_unary_rpc_method_handler(serve)

    def service(self, handler_call_details):
        """Return the one handler."""
        return self._handler


def _expected(provider):
    sent, received = ("Sent.shop.Orders.Price", "") if provider.kind == "ours alone" else (METHOD, METHOD)
    return [("dependency", "price"), ("request", received), ("dependency", sent), ("dependency", "outer")], 4


def _in(order, theirs, ours):
    return [*theirs, *ours] if order == "instrumentation outside" else [*ours, *theirs]


both_kinds = pytest.mark.parametrize("provider", ["ours alone", "same resource"], indirect=True)
both_orders = pytest.mark.parametrize("order", ["instrumentation outside", "integration outside"])


@both_kinds
@both_orders
def test_a_call_of_grpc(endpoint, provider, order):
    """It arrives once, its request too: as OpenTelemetry's where the application sends these itself, else as OpenCensus's."""
    ours = OpenCensusServerInterceptor(AlwaysOnSampler(), _exporter(endpoint))
    interceptors = _in(order, [server_interceptor(tracer_provider=provider)], [ours])
    server = grpc.server(futures.ThreadPoolExecutor(1), interceptors=interceptors)
    server.add_generic_rpc_handlers([Orders(_serve_plainly)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    tracer = Tracer(exporter=_exporter(endpoint), sampler=AlwaysOnSampler())
    steps = _in(
        order,
        [lambda channel: intercept_channel(channel, client_interceptor(tracer_provider=provider))],
        [lambda channel: grpc.intercept_channel(channel, OpenCensusClientInterceptor(tracer))],
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, tracer.span(name="outer"):
        assert steps[0](steps[1](channel)).unary_unary(METHOD)(b"7") == b"7"
    server.stop(10).wait()
    assert _arrived(endpoint, provider) == _expected(provider)


@both_kinds
@both_orders
def test_a_call_of_grpc_aio(endpoint, provider, order):
    """The same of `grpc.aio`."""
    tracer = Tracer(exporter=_exporter(endpoint), sampler=AlwaysOnSampler())

    async def program():
        ours = OpenCensusAioServerInterceptor(AlwaysOnSampler(), _exporter(endpoint))
        server = grpc.aio.server(interceptors=_in(order, [aio_server_interceptor(tracer_provider=provider)], [ours]))
        server.add_generic_rpc_handlers([Orders(_serve)])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        interceptors = _in(order, aio_client_interceptors(tracer_provider=provider), client_interceptors(tracer))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", interceptors=interceptors) as channel:
            with tracer.span(name="outer"):
                assert await channel.unary_unary(METHOD)(b"7") == b"7"
        await server.stop(10)

    asyncio.run(program())
    assert _arrived(endpoint, provider) == _expected(provider)


@both_kinds
@both_orders
def test_a_command_of_mongodb(endpoint, provider, order):
    """It arrives once."""
    tracer = Tracer(exporter=_exporter(endpoint), sampler=AlwaysOnSampler())
    theirs = CommandTracer(provider.get_tracer("opentelemetry.instrumentation.pymongo"))
    listeners = _in(order, [theirs], [MongoCommandListener(tracer)])
    with MongoServer() as server, MongoClient(server.uri, event_listeners=listeners) as client, tracer.span(name="outer"):
        client.shop.orders.insert_one({"_id": 1})
    name = "pymongo.shop.orders.insert" if provider.kind == "ours alone" else "shop.insert"
    assert _arrived(endpoint, provider) == ([("dependency", name), ("dependency", "outer")], 2)
