"""The integration with PyMongo, on its own driver and a server of the tests. That it does what OpenCensus's did, `tests/parity` shows."""

from __future__ import annotations

import asyncio
import datetime
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pymongo
import pytest
from pymongo import MongoClient, errors, monitoring

from opencensus_compat.ext.pymongo import trace as pymongo_trace
from opencensus_compat.ext.pymongo.trace import MongoCommandListener
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

sys.path.insert(0, str(Path(__file__).parents[2] / "parity"))
from mongo_server import MongoServer

ADDRESS = ("127.0.0.1", 27017)
NO_TIME = datetime.timedelta(0)


@pytest.fixture(scope="module")
def server():
    """A running server."""
    with MongoServer() as running:
        yield running


@pytest.fixture
def tracer(kept):
    """A tracer whose spans are kept."""
    return Tracer(exporter=kept, sampler=AlwaysOnSampler())


@pytest.fixture
def client(server, tracer):
    """A client whose commands are traced."""
    with MongoClient(server.uri, event_listeners=[MongoCommandListener(tracer)]) as made:
        yield made


def _started(listener, number, command=None):
    listener.started(monitoring.CommandStartedEvent(command or {"find": "orders"}, "shop", number, ADDRESS, number))


def _succeeded(listener, number):
    listener.succeeded(monitoring.CommandSucceededEvent(NO_TIME, {"ok": 1}, "find", number, ADDRESS, number))


def test_a_command_that_fails(client, tracer, kept):
    """The span's status has what the server said, and the span around it is the current one again."""
    with tracer.span(name="outer") as outer:
        with pytest.raises(errors.OperationFailure):
            client.shop.command("fail")
        assert execution_context.get_current_span() is outer
    status = kept.spans[0].status
    assert (status.canonical_code, status.description) == (2, "MongoDB error")
    assert status.details["codeName"] == "CommandNotFound"


def test_a_connection_that_breaks(client, tracer, kept):
    """The driver tells of an error, which ends the span."""
    with tracer.span(name="outer"), pytest.raises(errors.AutoReconnect):
        client.shop.command("drop")
    assert kept.names == ["pymongo.shop.1.drop", "outer"]
    assert kept.spans[0].status.canonical_code == 2


def test_two_listeners_of_one_client(server, tracer, kept):
    """One that is registered for all clients and one of a client's own make one span of a command."""
    with MongoClient(server.uri, event_listeners=[MongoCommandListener(tracer), MongoCommandListener(tracer)]) as client:
        client.shop.orders.insert_one({"_id": 1})
    assert kept.names == ["pymongo.shop.orders.insert"]


def test_switched_on_again(monkeypatch, tracer, kept):
    """One listener is registered, which the tracer that is given last belongs to."""
    registered = []
    monkeypatch.setattr(pymongo_trace, "_registered", [])
    monkeypatch.setattr(monitoring, "register", registered.append)
    pymongo_trace.trace_integration()
    pymongo_trace.trace_integration(tracer)
    pymongo_trace.trace_integration()
    [listener] = registered
    _started(listener, 1)
    _succeeded(listener, 1)
    assert kept.names == ["pymongo.shop.orders.find"]


def test_a_command_whose_end_nobody_tells(monkeypatch, tracer, kept):
    """Of those that a driver was interrupted in, so many are kept; the oldest ends then."""
    monkeypatch.setattr(pymongo_trace, "_MOST_RUNNING", 2)
    listener = MongoCommandListener(tracer)
    with tracer.span(name="outer"):
        for number in (1, 2, 3):
            _started(listener, number, {"find": f"orders {number}"})
        assert kept.names == ["pymongo.shop.orders 1.find"]
        for number in (1, 2, 3):
            _succeeded(listener, number)
    assert kept.names == [*(f"pymongo.shop.orders {number}.find" for number in (1, 2, 3)), "outer"]


def test_an_end_without_a_beginning(tracer, kept):
    """It is that of a command from before the integration was switched on."""
    with tracer.span(name="outer"):
        _succeeded(MongoCommandListener(tracer), 1)
    assert kept.names == ["outer"]


def test_conventions_of_opentelemetry(monkeypatch, tracer, kept):
    """Where items are sent in OpenTelemetry's shape, they are beside the legacy attributes."""
    listener = MongoCommandListener(tracer)
    for number, shape in enumerate(["legacy", "otel"]):
        monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", shape)
        _started(listener, number)
        _succeeded(listener, number)
    legacy, otel = [dict(span.attributes) for span in kept.spans]
    assert {key: value for key, value in otel.items() if key not in legacy} == {
        "db.system.name": "mongodb",
        "db.namespace": "shop",
        "db.operation.name": "find",
        "db.collection.name": "orders",
        "server.address": "127.0.0.1",
        "server.port": 27017,
    }


def test_what_goes_wrong_in_tracing(kept, caplog):
    """A tracer and a value that raise cost the span, or its attributes; one line for each says so."""

    class Odd:
        def __str__(self):
            raise RuntimeError("no text")

    def no_span(**_):
        raise RuntimeError("no span")

    tracer = Tracer(exporter=kept, sampler=AlwaysOnSampler())
    with caplog.at_level(logging.WARNING, "opencensus_compat"):
        for number, listener in enumerate([MongoCommandListener(tracer), MongoCommandListener(SimpleNamespace(start_span=no_span))]):
            _started(listener, number, {"find": "orders", "filter": Odd()})
            _succeeded(listener, number)
    assert kept.names == ["pymongo.shop.orders.find"]
    assert [record.getMessage() for record in caplog.records] == [
        "a command of MongoDB is exported without some attributes: RuntimeError (said once)",
        "a command of MongoDB was not traced: RuntimeError (said once)",
    ]


def _check_two_hundred(kept):
    spans = {span.span_id: span for span in kept.spans}
    commands = [span for span in kept.spans if span.name.startswith("pymongo.")]
    assert len(commands) == 400
    for span in commands:
        request = spans[span.parent_span_id]
        assert request.name == "request " + span.name.split(".")[2]


def test_two_hundred_requests_fifty_at_once(server, kept):
    """Each command lies in its own request."""
    together = threading.Barrier(50)
    with MongoClient(server.uri, event_listeners=[MongoCommandListener()], maxPoolSize=50) as client:

        def request(number):
            together.wait(60)
            for turn in range(4):
                with Tracer(exporter=kept, sampler=AlwaysOnSampler()).span(name=f"request {number}-{turn}"):
                    client.shop[f"{number}-{turn}"].insert_one({"_id": 1})
                    list(client.shop[f"{number}-{turn}"].aggregate([]))

        with ThreadPoolExecutor(50) as pool:
            list(pool.map(request, range(50)))
    _check_two_hundred(kept)


@pytest.mark.skipif(not hasattr(pymongo, "AsyncMongoClient"), reason="this release of PyMongo has no asynchronous client")
def test_two_hundred_requests_of_the_asynchronous_client(server, kept):
    """The same, in tasks."""

    async def program():
        async with pymongo.AsyncMongoClient(server.uri, event_listeners=[MongoCommandListener()], maxPoolSize=50) as client:

            async def request(number):
                for turn in range(4):
                    with Tracer(exporter=kept, sampler=AlwaysOnSampler()).span(name=f"request {number}-{turn}"):
                        await client.shop[f"{number}-{turn}"].insert_one({"_id": 1})
                        async for _ in await client.shop[f"{number}-{turn}"].aggregate([]):
                            pass

            await asyncio.gather(*(request(number) for number in range(50)))

    asyncio.run(program())
    _check_two_hundred(kept)
