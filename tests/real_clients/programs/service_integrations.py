"""Tests that a service has of its calls through the integrations, with mocks on both sides of them. Run by `own_tests.py`."""

from __future__ import annotations

import http.client
from multiprocessing import pool
from types import SimpleNamespace
from unittest import mock

import pytest
import requests
from opencensus.ext.dbapi import trace as dbapi
from opencensus.ext.grpc import client_interceptor, server_interceptor
from opencensus.ext.httplib import trace as httplib
from opencensus.ext.httpx import trace as httpx
from opencensus.ext.pymongo import trace as pymongo
from opencensus.ext.requests import trace as requests_trace
from opencensus.ext.sqlalchemy import trace as sqlalchemy
from opencensus.ext.threading import trace as threading
from opencensus.trace import execution_context
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.span import SpanKind
from opencensus.trace.time_event import Type
from opencensus.trace.tracers.noop_tracer import NoopTracer

URL = "http://shop.test:8080/orders?open=1"


class FakeSpan:
    """A span with what a service's own tests look at."""

    def __init__(self):
        self.attributes = {}
        self.status = None
        self.span_id = "b7ad6b7169203331"
        options = SimpleNamespace(enabled=True)
        context = SimpleNamespace(trace_id="0a" * 16, span_id=self.span_id, trace_options=options, tracestate=None)
        self.context_tracer = SimpleNamespace(span_context=context)
        self.messages = []

    def add_message_event(self, event):
        """Keep it."""
        self.messages.append(event)

    def set_status(self, status):
        """Keep it."""
        self.status = status


class FakeTracer:
    """A tracer with what the integrations call, and no more."""

    propagator = TraceContextPropagator()

    def __init__(self):
        self.spans = []
        self.ended = 0

    def start_span(self, name=None):
        """Keep a span."""
        span = FakeSpan()
        if name is not None:
            span.name = name
        self.spans.append(span)
        return span

    def current_span(self):
        """The span started last."""
        return self.spans[-1]

    def add_attribute_to_current_span(self, attribute_key, attribute_value):
        """Keep it."""
        self.spans[-1].attributes[attribute_key] = attribute_value

    def end_span(self):
        """Count it."""
        self.ended += 1


class FakeTracerOfClients(FakeTracer):
    """One whose context the clients' integrations read."""

    span_context = "the context"
    propagator = SimpleNamespace(to_headers=lambda context: {"x-trace": f"of {context}"})


@pytest.fixture(autouse=True)
def clean():
    """Leave no context behind."""
    execution_context.clear()
    yield
    execution_context.clear()


@pytest.fixture
def tracer():
    """The current tracer."""
    made = FakeTracer()
    execution_context.set_opencensus_tracer(made)
    return made


CLIENTS = {"requests": (requests_trace, "wrap_session_request"), "httpx": (httpx, "wrap_client_request")}


@pytest.mark.parametrize("library", CLIENTS)
def test_a_call_through_a_mocked_session(library):
    module, name = CLIENTS[library]
    fake, send, kwargs = FakeTracerOfClients(), mock.Mock(return_value=mock.Mock(status_code=404)), {"headers": {"a": "b", "x-trace": "c"}}
    with mock.patch(f"opencensus.ext.{library}.trace.execution_context.get_opencensus_tracer", return_value=fake):
        assert getattr(module, name)(send, "session", ("get", URL), kwargs) is send.return_value
    [span] = fake.spans
    assert (span.name, span.span_kind, fake.ended, span.status.canonical_code) == ("/orders", SpanKind.CLIENT, 1, 5)
    assert span.attributes == {
        "component": "HTTP", "http.host": "shop.test:8080", "http.method": "GET", "http.path": "/orders", "http.status_code": 404,
        "http.url": URL,
    }  # fmt: skip
    assert dict(kwargs["headers"]) == dict(send.call_args.kwargs["headers"]) == {"a": "b", "x-trace": "of the context"}


@pytest.mark.parametrize("library", CLIENTS)
def test_a_call_without_headers(library):
    module, name = CLIENTS[library]
    kwargs = {}
    with mock.patch("opencensus.trace.execution_context.get_opencensus_tracer", return_value=FakeTracerOfClients()):
        getattr(module, name)(mock.Mock(return_value=mock.Mock(status_code=200)), mock.Mock(), ("GET", URL), kwargs)
    assert dict(kwargs["headers"]) == {"x-trace": "of the context"}


def test_a_call_that_times_out():
    fake = FakeTracerOfClients()
    execution_context.set_opencensus_tracer(fake)
    with pytest.raises(requests.Timeout):
        requests_trace.wrap_session_request(mock.Mock(side_effect=requests.Timeout), None, ("GET", URL), {})
    assert (fake.ended, fake.spans[0].status.canonical_code) == (1, 4)


def test_a_call_of_a_mocked_tracer():
    fake = mock.MagicMock()
    with mock.patch("opencensus.ext.requests.trace.execution_context.get_opencensus_tracer", return_value=fake):
        requests_trace.wrap_session_request(mock.Mock(return_value=mock.Mock(status_code=200)), None, ("GET", URL), {})
    fake.start_span.assert_called_once_with()
    fake.add_attribute_to_current_span.assert_any_call("http.status_code", 200)
    fake.end_span.assert_called_once_with()


def test_an_excluded_host():
    fake, send = mock.MagicMock(), mock.Mock()
    with (
        mock.patch("opencensus.ext.requests.trace.execution_context.get_opencensus_tracer", return_value=fake),
        mock.patch("opencensus.ext.requests.trace.execution_context.get_opencensus_attr", return_value=["shop.test:8080"]),
    ):
        requests_trace.wrap_session_request(send, None, ("GET", URL), {})
    send.assert_called_once_with("GET", URL)
    fake.start_span.assert_not_called()


def test_a_mocked_connection(tracer):
    send, receive = mock.Mock(__name__="request"), mock.Mock(__name__="getresponse", return_value=mock.Mock(status=201))
    connection = mock.Mock(host="shop.test", port=8080)
    httplib.wrap_httplib_request(send)(connection, "PUT", "/orders", None, {"a": "b"})
    assert send.call_args.args[4] == {"a": "b", "traceparent": f"00-{'0a' * 16}-b7ad6b7169203331-01"}
    assert (tracer.spans[0].name, tracer.ended) == ("[httplib]request", 0)
    assert httplib.wrap_httplib_response(receive)(connection).status == 201
    assert tracer.spans[0].attributes == {"component": "HTTP", "http.method": "PUT", "http.url": "/orders", "http.status_code": 201}
    assert tracer.ended == 1


def test_a_mocked_wrapper():
    with (
        mock.patch.object(http.client.HTTPConnection, "request"),
        mock.patch.object(http.client.HTTPConnection, "getresponse"),
        mock.patch("opencensus.ext.httplib.trace.wrap_httplib_request", return_value="wrapped"),
        mock.patch("opencensus.ext.httplib.trace.wrap_httplib_response", return_value="also wrapped"),
        mock.patch("opencensus.ext.httplib.trace.httplib", mock.Mock()) as library,
    ):
        library.HTTPConnection.request.__name__, library.HTTPConnection.getresponse.__name__ = "request", "getresponse"
        httplib.trace_integration()
        assert (library.HTTPConnection.request, library.HTTPConnection.getresponse) == ("wrapped", "also wrapped")


def test_a_mocked_cursor(tracer):
    cursor = mock.Mock()
    cursor.execute.__name__, cursor.executemany.__name__ = "execute", "executemany"
    connection = mock.Mock()
    connection.cursor.__name__, connection.cursor.return_value = "cursor", cursor
    execute = cursor.execute
    dbapi.wrap_conn(lambda: connection)().cursor().execute("SELECT 1", (2,))
    execute.assert_called_once_with("SELECT 1", (2,))
    assert [(span.name, span.attributes) for span in tracer.spans] == [
        ("mysql.query", {"mysql.query": "SELECT 1", "mysql.cursor.method.name": "execute"})
    ]
    assert tracer.ended == 1


def test_a_patched_tracer_of_statements():
    fake, execute = mock.Mock(), mock.Mock(__name__="execute", return_value=7)
    with mock.patch("opencensus.ext.dbapi.trace.execution_context.get_opencensus_tracer", return_value=fake):
        assert dbapi.trace_cursor_query(execute)("SELECT 1") == 7
    assert (fake.start_span.called, fake.add_attribute_to_current_span.called, fake.end_span.called) == (True, True, True)


@pytest.mark.parametrize("many", [False, True])
def test_listeners_of_an_engine(tracer, many):
    for number in range(2):
        sqlalchemy._before_cursor_execute(None, None, f"SELECT {number}", {"a": 1}, None, many)
    assert [span.attributes for span in tracer.spans] == [
        {
            "sqlalchemy.query": f"SELECT {number}",
            "sqlalchemy.query.parameters": "{'a': 1}",
            "sqlalchemy.cursor.method.name": "executemany" if many else "execute",
        }
        for number in range(2)
    ]


def test_a_mocked_engine():
    with mock.patch("opencensus.ext.sqlalchemy.trace.event.listen") as listen:
        sqlalchemy.trace_engine(mock.Mock())
    assert [call.args[1] for call in listen.call_args_list][:2] == ["before_cursor_execute", "after_cursor_execute"]


def test_a_command_of_a_mocked_driver(tracer):
    def event(**more):
        return SimpleNamespace(request_id=1, connection_id=("db.test", 27017), command_name="find", database_name="shop", **more)

    listener = pymongo.MongoCommandListener()
    listener.started(event(command={"find": "orders", "limit": 3}))
    assert tracer.spans[0].name == "pymongo.shop.orders.find"
    assert (tracer.spans[0].attributes["db.instance"], tracer.spans[0].attributes["limit"]) == ("shop", "3")
    listener.succeeded(event())
    assert (tracer.spans[0].status.canonical_code, tracer.ended) == (0, 1)
    listener.failed(event(failure="no such index"))
    assert (tracer.spans[0].status.canonical_code, tracer.spans[0].status.details, tracer.ended) == (2, "no such index", 2)


def details():
    """What gRPC says of a call."""
    return SimpleNamespace(method="/shop.Orders/Price", timeout=None, metadata=[("a", "b")], credentials=None)


def test_a_mocked_channel(tracer):
    seen = []

    def go_on(new_details, request):
        seen.append((new_details.method, [key for key, _ in new_details.metadata], request))
        return mock.Mock(**{"exception.return_value": None, "result.return_value": "5 EUR"})

    interceptor = client_interceptor.OpenCensusClientInterceptor(host_port="shop.test:443")
    interceptor._propagator = mock.Mock()
    response = interceptor.intercept_unary_unary(go_on, details(), "order 1")
    assert seen == [("/shop.Orders/Price", ["a", "grpc-trace-bin"], "order 1")]
    [span] = tracer.spans
    assert (span.name, span.span_kind, tracer.ended) == ("Sent.shop.Orders.Price", SpanKind.CLIENT, 0)
    assert span.attributes == {"component": "grpc", "grpc.host_port": "shop.test:443", "grpc.method": "/shop.Orders/Price"}
    [done] = response.add_done_callback.call_args.args
    done(response)
    assert (tracer.ended, span.attributes["error.message"]) == (1, None)
    assert [event.type for event in span.messages] == [Type.SENT, Type.RECEIVED]


def test_responses_of_a_mocked_channel():
    fake = mock.MagicMock()
    execution_context.set_opencensus_tracer(fake)
    interceptor = client_interceptor.OpenCensusClientInterceptor(tracer=fake)
    interceptor._propagator = mock.Mock()
    # Nothing of it can be traced into the wire, and the calls are made all the same.
    assert list(interceptor.intercept_unary_stream(lambda *_: iter(["a", "b"]), details(), "order 1")) == ["a", "b"]
    fake.end_span.assert_called_once_with()


def test_a_subclass_of_the_interceptor(tracer):
    class Named(client_interceptor.OpenCensusClientInterceptor):
        def _start_client_span(self, client_call_details):
            span = super()._start_client_span(client_call_details)
            span.name = f"price of {client_call_details.method}"
            return span

    interceptor = Named()
    interceptor._propagator = mock.Mock()
    interceptor.intercept_stream_unary(lambda *_: mock.Mock(), details(), iter(()))
    assert [span.name for span in tracer.spans] == ["price of /shop.Orders/Price"]


def test_no_handler():
    assert server_interceptor._wrap_rpc_behavior(None, lambda: None) is None
    assert server_interceptor.OpenCensusServerInterceptor().intercept_service(lambda _: None, mock.Mock()) is None


@pytest.mark.parametrize("wrap", [threading.wrap_submit, threading.wrap_apply_async])
def test_a_mocked_pool(wrap):
    fake = mock.MagicMock(spec=["span_context", "sampler", "exporter", "propagator"])
    fake.span_context.trace_id, fake.span_context.span_id, fake.span_context.trace_options.trace_options_byte = "0a" * 16, "0b" * 8, "1"
    submit = mock.Mock(__name__="submit")
    with mock.patch("opencensus.trace.execution_context.get_opencensus_tracer", return_value=fake):
        wrap(submit)(None, len)
    handed = submit.call_args.kwargs.get("kwds") or submit.call_args.kwargs
    assert (handed["sampler"], handed["exporter"], handed["propagator"]) == (fake.sampler, fake.exporter, fake.propagator)


def test_a_mocked_wrapper_of_pools():
    with (
        mock.patch.object(pool.Pool, "apply_async"),
        mock.patch("opencensus.ext.threading.trace.threading") as threads,
        mock.patch("opencensus.ext.threading.trace.pool") as pools,
        mock.patch("opencensus.ext.threading.trace.futures") as executors,
        mock.patch("opencensus.ext.threading.trace.wrap_threading_start", return_value="start"),
        mock.patch("opencensus.ext.threading.trace.wrap_threading_run", return_value="run"),
        mock.patch("opencensus.ext.threading.trace.wrap_apply_async", return_value="apply_async"),
        mock.patch("opencensus.ext.threading.trace.wrap_submit", return_value="submit"),
    ):
        for owner, name in (
            (threads.Thread, "start"), (threads.Thread, "run"), (pools.Pool, "apply_async"), (executors.ThreadPoolExecutor, "submit"),
        ):  # fmt: skip
            getattr(owner, name).__name__ = name
        threading.trace_integration()
        assert (threads.Thread.start, threads.Thread.run) == ("start", "run")
        assert (pools.Pool.apply_async, executors.ThreadPoolExecutor.submit) == ("apply_async", "submit")


def test_no_tracer():
    assert isinstance(execution_context.get_opencensus_tracer(), NoopTracer)
    with mock.patch("opencensus.ext.requests.trace.requests.Session.request", __name__="request"):
        requests_trace.trace_integration()
    assert isinstance(execution_context.get_opencensus_tracer(), NoopTracer)


@pytest.mark.parametrize(
    "target",
    [
        "opencensus.ext.dbapi.trace.wrap_cursor",
        "opencensus.ext.grpc.client_interceptor.span_module.SpanKind",
        "opencensus.ext.grpc.server_interceptor.tracer_module.Tracer",
        "opencensus.ext.httplib.trace.span_module.SpanKind",
        "opencensus.ext.httpx.trace.urlparse",
        "opencensus.ext.pymongo.trace.monitoring.register",
        "opencensus.ext.requests.trace.span_module",
        "opencensus.ext.requests.trace.utils.disable_tracing_hostname",
        "opencensus.ext.sqlalchemy.trace.execution_context",
        "opencensus.ext.threading.trace.tracer.Tracer",
        "opencensus.trace.config_integration.importlib.import_module",
    ],
)
def test_names_to_patch(target):
    with mock.patch(target) as fake:
        assert fake is not None


def test_a_query_of_django(tracer):
    middleware = pytest.importorskip("opencensus.ext.django.middleware")
    run, connection = mock.Mock(return_value=1), SimpleNamespace(vendor="sqlite", alias="default")
    assert middleware._trace_db_call(run, "SELECT 1", None, False, {"connection": connection}) == 1
    [span] = tracer.spans
    assert (span.name, tracer.ended) == ("sqlite.query", 1)
    assert span.attributes == {"component": "sqlite", "db.instance": "default", "db.statement": "SELECT 1", "db.type": "sql"}


def test_a_request_of_fastapi():
    middleware = pytest.importorskip("opencensus.ext.fastapi.fastapi_middleware")
    requests_of = pytest.importorskip("starlette.requests")
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/orders",
        "query_string": b"open=1",
        "headers": [(b"host", b"shop.test")],
        "scheme": "http",
    }
    span = mock.Mock()
    middleware.FastAPIMiddleware(mock.Mock())._before_request(span, requests_of.Request(scope))
    assert [call.args for call in span.add_attribute.call_args_list] == [
        ("http.host", "shop.test"), ("http.method", "GET"), ("http.path", "/orders"), ("http.url", "http://shop.test/orders?open=1"),
        ("http.route", "/orders"),
    ]  # fmt: skip
    assert (span.name, span.span_kind) == ("[GET]http://shop.test/orders?open=1", SpanKind.SERVER)
