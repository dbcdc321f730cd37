"""Calls as the client libraries of Google Cloud make them, to a server in the same process that takes bytes."""

from __future__ import annotations

import contextlib
from concurrent import futures

import google.auth.credentials
import grpc
from google.api_core import grpc_helpers
from google.cloud import _helpers
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.google_cloud_clientlibs import trace as google_trace
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

INTEGRATED = config_integration.trace_integrations(["google_cloud_clientlibs"])


class _Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda body, context: body)


@contextlib.contextmanager
def _server(credentials=None):
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([_Echo()])
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield "127.0.0.1:%d" % port
    finally:
        server.stop(10).wait()


def _tracer():
    execution_context.clean()
    return Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def _call(channel):
    with channel:
        return channel.unary_unary("/google.pubsub.v1.Publisher/Publish")(b"7", timeout=60).decode()


def names():
    """What was integrated."""
    return [INTEGRATED, google_trace.MODULE_NAME]


def insecure_channel():
    """A channel to an emulator, its address by name."""
    with _server() as target, _tracer().span(name="outer"):
        return _call(grpc.insecure_channel(target=target))


def insecure_channel_by_position():
    """The address without a name, as generated clients have it."""
    with _server() as target, _tracer().span(name="outer"):
        return _call(grpc.insecure_channel(target))


def create_channel():
    """A channel of google-api-core."""
    options = {
        "credentials": google.auth.credentials.AnonymousCredentials(),
        "ssl_credentials": grpc.local_channel_credentials(),
    }
    with _server(grpc.local_server_credentials()) as target, _tracer().span(name="outer"):
        return _call(grpc_helpers.create_channel(target=target, **options))


def make_secure_channel():
    """A channel of google-cloud-core, to a host that does not answer."""
    with _tracer().span(name="outer"):
        channel = _helpers.make_secure_channel(google.auth.credentials.AnonymousCredentials(), "shop/1", host="127.0.0.1")
        channel.close()
    return type(channel).__module__


def switched_on_twice():
    """The same integration once more."""
    config_integration.trace_integrations(["google_cloud_clientlibs"])
    with _server() as target, _tracer().span(name="outer"):
        return _call(grpc.insecure_channel(target=target))
