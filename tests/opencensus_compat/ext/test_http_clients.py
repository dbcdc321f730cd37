"""The integrations with requests and http.client. That they do what OpenCensus's did, `tests/parity` shows."""

from __future__ import annotations

import email.message
import http.client
import http.server
import logging
import threading

import pytest
import requests
from opentelemetry import trace as trace_api
from opentelemetry.trace import SpanKind

from opencensus_compat.ext.httplib import trace as httplib_trace
from opencensus_compat.ext.requests import trace as requests_trace
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers.context_tracer import PROVIDER

REFUSING = "127.0.0.1:9"


class Handler(http.server.BaseHTTPRequestHandler):
    """Notes the headers, and answers with nothing."""

    def do_GET(self):
        """Answer 200, or drop the connection."""
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        if self.path != "/dropped":
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture
def server():
    """A running server; `seen` are the headers of its requests, `host` and `url` where it listens."""
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.seen = []
    running.host = f"127.0.0.1:{running.server_port}"
    running.url = f"http://{running.host}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture(autouse=True)
def integrated(monkeypatch):
    """Switch both integrations on for the time of a test."""
    for owner, name in (
        (requests.Session, "request"),
        (http.client.HTTPConnection, "request"),
        (http.client.HTTPConnection, "getresponse"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    requests_trace.trace_integration()
    httplib_trace.trace_integration()


@pytest.fixture
def tracer(otel):
    """A tracer whose spans go to the provider."""
    return Tracer(exporter=PROVIDER, sampler=AlwaysOnSampler())


def _traceparent(span):
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


def test_a_call_of_requests(server, otel, tracer):
    """It is one client span, and the other side is told of it."""
    with tracer.span(name="outer"):
        requests.get(f"{server.url}/orders", timeout=60)
    assert otel.parents == {"/orders": "outer", "outer": None}
    span = otel.spans["/orders"]
    assert span.kind is SpanKind.CLIENT
    assert server.seen[0]["traceparent"] == _traceparent(span)


def test_inside_opentelemetry(server, otel):
    """A call is part of the current OpenTelemetry trace, with no OpenCensus tracer anywhere."""
    with otel.tracer.start_as_current_span("new"):
        requests.get(f"{server.url}/orders", timeout=60)
    assert otel.parents == {"/orders": "new", "new": None}


@pytest.mark.parametrize("headers", [{"X-Own": "1"}, None], ids=["a dict", "none"])
@pytest.mark.parametrize("positional", [False, True], ids=["by name", "by position"])
def test_headers_of_the_caller(server, tracer, headers, positional):
    """They are sent with the trace's, and the caller's own dict stays as it is: it may be used for an excluded host next."""
    with requests.Session() as session, tracer.span(name="outer"):
        if positional:
            session.request("GET", server.url, None, None, headers)
        else:
            session.request("GET", server.url, headers=headers)
    assert "traceparent" in server.seen[0]
    assert server.seen[0].get("x-own") == (headers and "1")
    assert headers in ({"X-Own": "1"}, None)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:port/", "http://[", b"http://127.0.0.1:9/", "no scheme", "", None],
    ids=["port", "bracket", "bytes", "relative", "empty", "none"],
)
def test_odd_urls_fail_as_in_requests(url, tracer, monkeypatch):
    """The integration raises nothing of its own."""

    def outcome():
        try:
            requests.get(url, timeout=2)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it must be the same
            return type(error)
        return None

    integrated = outcome()
    monkeypatch.setattr(requests.Session, "request", requests.Session.request.__wrapped__)
    assert integrated is outcome() is not None


def test_calls_of_exporters_are_not_traced(server, otel, tracer):
    """Nor are their connections."""
    execution_context.set_is_exporter(True)
    try:
        requests.get(server.url, timeout=60)
        connection = http.client.HTTPConnection(server.host)
        connection.request("GET", "/")
        connection.getresponse()
        connection.close()
    finally:
        execution_context.set_is_exporter(False)
    assert otel.spans == {}


def test_a_call_of_http_client(server, otel, tracer):
    """It is one client span from the request to the response, and its arguments keep their defaults."""
    connection = http.client.HTTPConnection(server.host)
    with tracer.span(name="outer"):
        connection.request("GET", "/orders")
        assert connection.getresponse().status == 200
    connection.close()
    assert otel.parents == {"[httplib]request": "outer", "outer": None}
    assert server.seen[0]["traceparent"] == _traceparent(otel.spans["[httplib]request"])


def _call(connection, path):
    connection.request("GET", path)
    return connection.getresponse()


@pytest.mark.parametrize(("host", "path"), [(REFUSING, "/"), (None, "/dropped")], ids=["refused", "dropped"])
def test_a_failing_call_of_http_client_ends_its_span(server, otel, tracer, host, path):
    """The span around it stays the current one."""
    connection = http.client.HTTPConnection(host or server.host, timeout=60)
    with tracer.span(name="outer") as outer:
        with pytest.raises(OSError):  # noqa: PT011 -- of what kind depends on the platform
            _call(connection, path)
        assert execution_context.get_current_span() is outer
    connection.close()
    assert otel.parents == {"[httplib]request": "outer", "outer": None}
    assert not otel.spans["[httplib]request"].status.is_ok


def test_client_spans_of_the_program_are_no_instrumentation(server, otel, tracer):
    """A call inside one has its span."""
    with otel.tracer.start_as_current_span("ask", kind=SpanKind.CLIENT):
        requests.get(f"{server.url}/orders", timeout=60)
    assert otel.parents == {"/orders": "ask", "ask": None}


def test_again_changes_nothing():
    """Nothing is wrapped twice: a call has one span."""
    request, connect = requests.Session.request, http.client.HTTPConnection.request
    requests_trace.trace_integration()
    httplib_trace.trace_integration()
    assert (requests.Session.request, http.client.HTTPConnection.request) == (request, connect)


def test_a_failing_propagator_costs_the_header_only(server, otel):
    """The call goes out, with its span."""

    class Failing:
        def to_headers(self, span_context):
            raise RuntimeError("no header")

    with Tracer(exporter=PROVIDER, sampler=AlwaysOnSampler(), propagator=Failing()).span(name="outer"):
        assert requests.get(f"{server.url}/orders", timeout=60).ok
    assert otel.parents == {"/orders": "outer", "outer": None}
    assert trace_api.get_current_span() is trace_api.INVALID_SPAN


class _Broken:
    """Raises at whatever is asked of it."""

    def __getattr__(self, name):
        raise RuntimeError("broken")


BROKEN = {
    "tracer": lambda: execution_context.set_opencensus_tracer(_Broken()),
    "exporter": lambda: Tracer(exporter=_Broken(), sampler=AlwaysOnSampler()),
    "no tracer": lambda: execution_context.set_opencensus_tracer(None),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_fails_while_tracing_costs_the_span_only(server, otel, caplog, case):
    """The call goes out, and the program gets its answer; what goes wrong is said once for each library."""
    BROKEN[case]()
    with caplog.at_level(logging.WARNING, "opencensus_compat"):
        for _ in range(2):
            assert requests.get(server.url, timeout=60).ok
            connection = http.client.HTTPConnection(server.host, timeout=60)
            assert _call(connection, "/").status == 200
            connection.close()
    assert otel.spans == {}
    said = [record.getMessage() for record in caplog.records if "could not trace" in record.getMessage()]
    assert len(said) == (0 if case == "no tracer" else 2)


def test_odd_headers_and_answers(server, otel, tracer, monkeypatch):
    """Headers of one name twice, an answer that is None: the program has what it had without the integration."""
    message = email.message.Message()
    for value in ("1", "2"):
        message["X-Own"] = value
    connection = http.client.HTTPConnection(server.host, timeout=60)
    connection.request("GET", "/", headers=message)
    assert connection.getresponse().status == 200
    connection.close()
    assert server.seen[0]["x-own"] == "2"
    monkeypatch.setattr(requests.Session, "send", lambda *_, **__: None)
    with tracer.span(name="outer"):
        assert requests.get(server.url, timeout=60) is None
    assert otel.parents["/"] == "outer"
