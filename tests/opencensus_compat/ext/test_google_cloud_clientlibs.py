"""The integration with Google Cloud's clients. That it does what OpenCensus's did, `tests/parity` shows."""

from __future__ import annotations

import asyncio
import logging
import sys
from concurrent import futures

import google.auth.credentials
import grpc
import grpc.aio
import pytest
import requests
from google.api_core import grpc_helpers, grpc_helpers_async
from google.cloud import _helpers

from opencensus_compat.ext.google_cloud_clientlibs import trace as google_trace
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

METHOD = "/google.pubsub.v1.Publisher/Publish"


class Echo(grpc.GenericRpcHandler):
    """Answers with what came."""

    def service(self, handler_call_details):
        """Return the one handler."""
        return grpc.unary_unary_rpc_method_handler(lambda body, _: body)


@pytest.fixture
def target():
    """Where a server listens that takes local credentials."""
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers([Echo()])
    port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


@pytest.fixture(autouse=True)
def _put_back(monkeypatch):
    for owner, name in (
        (grpc, "insecure_channel"),
        (_helpers, "make_secure_channel"),
        (grpc_helpers, "create_channel"),
        (grpc_helpers_async, "create_channel"),
        (requests.Session, "request"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))


def _credentials():
    return {"credentials": google.auth.credentials.AnonymousCredentials(), "ssl_credentials": grpc.local_channel_credentials()}


def test_asynchronous_clients(target, kept):
    """Their channels are traced, and the address of one that is given without its name is known."""
    tracer = Tracer(exporter=kept, sampler=AlwaysOnSampler())
    google_trace.trace_integration(tracer)

    async def program():
        async with grpc_helpers_async.create_channel(target, **_credentials()) as channel:
            with tracer.span(name="outer"):
                return await channel.unary_unary(METHOD)(b"7")

    assert asyncio.run(program()) == b"7"
    assert kept.names == ["Sent.google.pubsub.v1.Publisher.Publish", "outer"]
    assert kept.spans[0].attributes["grpc.host_port"] == target


@pytest.mark.parametrize("absent", ["google.cloud._helpers", "google.api_core.grpc_helpers"])
def test_what_is_not_installed_is_left_out(absent, target, kept, monkeypatch, caplog):
    """One line says so, once; the rest works."""
    monkeypatch.setitem(sys.modules, absent, None)
    with caplog.at_level(logging.WARNING, "opencensus_compat"):
        google_trace.trace_integration(Tracer(exporter=kept, sampler=AlwaysOnSampler()))
        google_trace.trace_integration()
    [record] = caplog.records
    assert record.getMessage().startswith(f"opencensus.ext.google_cloud_clientlibs leaves out {absent}.")
    if absent == "google.cloud._helpers":
        with grpc_helpers.create_channel(target, **_credentials()) as channel:
            channel.unary_unary(METHOD)(b"7")
    else:
        with _helpers.make_secure_channel(google.auth.credentials.AnonymousCredentials(), "shop/1", "127.0.0.1") as channel:
            pass
    assert hasattr(grpc.insecure_channel, "__wrapped__")


def test_a_channel_that_cannot_be_traced(monkeypatch, caplog):
    """The program gets it, and a line says so, as in OpenCensus."""

    def refuse(*_):
        raise TypeError("no channel")

    monkeypatch.setattr(grpc, "intercept_channel", refuse)
    make = google_trace.wrap_create_channel(lambda *_, **__: "no channel")
    with caplog.at_level(logging.WARNING, google_trace.log.name):
        assert make("shop:443") == "no channel"
    assert [record.getMessage() for record in caplog.records] == ["Failed to wrap create_channel, clientlibs grpc calls not traced."]
