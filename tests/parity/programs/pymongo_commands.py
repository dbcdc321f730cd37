"""Commands of PyMongo to a server in the same process, and events as the driver tells of them."""

from __future__ import annotations

import contextlib
import datetime

from bson import ObjectId
from mongo_server import MongoServer
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.pymongo import trace as pymongo_trace
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from pymongo import MongoClient, monitoring
from pymongo.errors import OperationFailure

INTEGRATED = config_integration.trace_integrations(["pymongo"])
NO_TIME = datetime.timedelta(0)


def _tracer(**options):
    execution_context.clean()
    return Tracer(**{"exporter": AzureExporter(), "sampler": AlwaysOnSampler(), **options})


def _hide_number(envelope):
    """The driver makes up numbers, for its own commands as well, in threads of its own."""
    properties = envelope.data.baseData.properties
    if "request_id" in properties:
        properties["request_id"] = type(properties["request_id"]).__name__


def _driver_tracer():
    exporter = AzureExporter()
    exporter.add_telemetry_processor(_hide_number)
    return _tracer(exporter=exporter)


@contextlib.contextmanager
def _client(**options):
    with MongoServer() as server, MongoClient(server.uri, **options) as client:
        client.admin.command("ping")
        yield client


def names():
    """What was integrated, and what becomes attributes."""
    return [INTEGRATED, pymongo_trace.MODULE_NAME, pymongo_trace.COMMAND_ATTRIBUTES]


def _plain(command, name, number, **fields):
    """A command's events without the numbers that the driver makes up."""
    listener = fields.pop("listener")
    address = ("127.0.0.1", 27017)
    listener.started(monitoring.CommandStartedEvent({name: command, **fields}, "shop", number, address, number))
    return listener, address


def events():
    """Commands as the driver tells of them, one that fails and one that it does not show."""
    tracer = _tracer()
    listener = pymongo_trace.MongoCommandListener(tracer=tracer)
    with tracer.span(name="outer"):
        _plain("orders", "find", 1, listener=listener, filter={"number": 7}, sort={"at": -1}, skip=2, limit=0)
        listener.succeeded(monitoring.CommandSucceededEvent(NO_TIME, {"ok": 1}, "find", 1, ("127.0.0.1", 27017), 1))
        _plain("orders", "aggregate", 2, listener=listener, pipeline=[{"$match": {"_id": ObjectId("5f" * 12)}}])
        listener.failed(
            monitoring.CommandFailedEvent(NO_TIME, {"errmsg": "no such index", "code": 27}, "aggregate", 2, ("127.0.0.1", 27017), 2)
        )
        _plain(1, "saslStart", 3, listener=listener)
        listener.succeeded(monitoring.CommandSucceededEvent(NO_TIME, {}, "saslStart", 3, ("127.0.0.1", 27017), 3))


def event_with_current_tracer():
    """A listener without a tracer."""
    tracer = _tracer()
    listener = pymongo_trace.MongoCommandListener()
    with tracer.span(name="outer"):
        _plain("orders", "insert", 1, listener=listener)
        listener.succeeded(monitoring.CommandSucceededEvent(NO_TIME, {"ok": 1}, "insert", 1, ("127.0.0.1", 27017), 1))


def event_unsampled():
    """A trace that is not sampled."""
    tracer = _tracer(sampler=AlwaysOffSampler())
    listener = pymongo_trace.MongoCommandListener(tracer=tracer)
    with tracer.span(name="outer"):
        _plain("orders", "insert", 1, listener=listener)
        listener.succeeded(monitoring.CommandSucceededEvent(NO_TIME, {"ok": 1}, "insert", 1, ("127.0.0.1", 27017), 1))


def commands():
    """Each kind of command, with spans between them."""
    with _client() as client:
        tracer = _driver_tracer()
        with tracer.span(name="outer"):
            orders = client.shop.orders
            orders.insert_one({"_id": 1})
            read = []
            for order in orders.find({"number": 7}, sort=[("at", -1)], skip=1, limit=9):
                with tracer.span(name="order %d" % order["_id"]):
                    read.append(order["_id"])
            total = list(orders.aggregate([{"$match": {"number": 7}}]))
    return [read, total]


def command_that_fails():
    """The server refuses it."""
    with _client() as client:
        tracer = _driver_tracer()
        with tracer.span(name="outer"):
            try:
                client.shop.command("fail")
            except OperationFailure as error:
                return error.code


def cursor_given_up():
    """A cursor that is closed before its end is killed at the server."""
    with _client() as client:
        tracer = _driver_tracer()
        with tracer.span(name="outer"):
            cursor = client.shop.orders.find()
            next(cursor)
            cursor.close()


def overlapping():
    """The end of a command comes while another one's span is the current one."""
    tracer = _tracer()
    listener = pymongo_trace.MongoCommandListener(tracer=tracer)
    with tracer.span(name="outer"):
        _plain("orders", "find", 1, listener=listener)
        _plain("orders", "count", 2, listener=listener)
        listener.succeeded(monitoring.CommandSucceededEvent(NO_TIME, {"ok": 1}, "find", 1, ("127.0.0.1", 27017), 1))
        listener.failed(monitoring.CommandFailedEvent(NO_TIME, {"errmsg": "gone"}, "count", 2, ("127.0.0.1", 27017), 2))


def switched_on_twice():
    """The same integration once more."""
    config_integration.trace_integrations(["pymongo"])
    with _client() as client:
        tracer = _driver_tracer()
        with tracer.span(name="outer"):
            client.shop.orders.insert_one({"_id": 1})
