"""Real frameworks with a middleware of OpenCensus's and OpenTelemetry's instrumentation: each request arrives once."""

from __future__ import annotations

import asyncio

import fastapi
import flask
import pytest
from opentelemetry import trace as trace_api
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import opencensus_compat
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.span import SpanKind
from opencensus_compat.trace.tracer import Tracer

TRACE_ID, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{CALLER}-01"


@pytest.fixture(autouse=True)
def _fresh(fresh_bridge):
    """Give each test a fresh bridge."""


@pytest.fixture
def endpoint():
    """The resource."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def exporter(endpoint):
    """An exporter to it."""
    return AzureExporter(connection_string=endpoint.connection_string)


@pytest.fixture(params=["the application's provider", "ours"])
def provider(request):
    """A provider with an exporter of another kind; None for the one that this package makes."""
    if request.param == "ours":
        return None
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    opencensus_compat.configure(tracer_provider=made)
    return made


def census(app, exporter):
    """Put the hooks of a legacy Flask middleware in place."""

    def before():
        context = TraceContextPropagator().from_headers(flask.request.headers)
        tracer = Tracer(span_context=context, sampler=AlwaysOnSampler(), exporter=exporter)
        span = tracer.start_span()
        span.span_kind = SpanKind.SERVER
        span.name = f"[{flask.request.method}]{flask.request.url}"
        for key, value in (("http.method", flask.request.method), ("http.path", flask.request.path), ("http.url", flask.request.url)):
            tracer.add_attribute_to_current_span(key, value)

    def after(response):
        tracer = execution_context.get_opencensus_tracer()
        tracer.add_attribute_to_current_span("http.route", flask.request.url_rule.rule)
        tracer.add_attribute_to_current_span("http.status_code", response.status_code)
        return response

    def teardown(error):
        tracer = execution_context.get_opencensus_tracer()
        if error is not None:
            span = execution_context.get_current_span()
            span.add_attribute("error.name", type(error).__name__)
            span.add_attribute("error.message", str(error))
        tracer.end_span()
        tracer.finish()

    app.before_request(before)
    app.after_request(after)
    app.teardown_request(teardown)


@pytest.mark.parametrize("order", ["census first", "instrumentation first"])
def test_flask(endpoint, exporter, provider, order):
    """A service that is down, and one that raises, arrive as failures, once, with their exception; what they did is below them."""
    app = flask.Flask("shop")
    steps = [lambda: census(app, exporter), lambda: FlaskInstrumentor().instrument_app(app, tracer_provider=provider)]
    for step in steps if order == "census first" else reversed(steps):
        step()

    @app.route("/down/<what>")
    def down(what):
        with execution_context.get_opencensus_tracer().span(name="look up"):
            trace_api.get_current_span().set_attribute("what", what)
        return "down", 503

    @app.route("/boom")
    def boom():
        raise ValueError("boom")

    client = app.test_client()
    assert client.get("/down/x", headers={"traceparent": TRACEPARENT}).status_code == 503
    assert client.get("/boom").status_code == 500
    FlaskInstrumentor.uninstrument_app(app)
    assert opencensus_compat.flush(60)
    requests = endpoint.rows("requests")
    assert sorted((row["name"], row["resultCode"], row["success"]) for row in requests) == [
        ("GET /boom", "500", "False"),
        ("GET /down/<what>", "503", "False"),
    ]
    ids = {row["name"]: row["id"] for row in requests}
    [called] = [row for row in requests if row["operation_Id"] == TRACE_ID]
    assert called["operation_ParentId"] == CALLER
    assert [(row["name"], row["operation_ParentId"]) for row in endpoint.rows("dependencies")] == [("look up", ids["GET /down/<what>"])]
    assert [(row["type"], row["operation_ParentId"]) for row in endpoint.rows("exceptions")] == [("ValueError", ids["GET /boom"])]


async def call(app, path):
    """Send a request to an ASGI application and return the status of its answer."""
    sent = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"host", b"shop.example"), (b"traceparent", TRACEPARENT.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("shop.example", 80),
    }

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"]


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_fastapi(endpoint, exporter, provider, where):
    """The middleware that Microsoft documents, and one around the whole application: one request, without the instrumentation's steps."""
    app = fastapi.FastAPI()

    @app.get("/stock")
    async def stock():
        with execution_context.get_opencensus_tracer().span(name="look up"):
            return {"left": 7}

    async def traced(answer, url):
        tracer = Tracer(
            span_context=TraceContextPropagator().from_headers({"traceparent": TRACEPARENT}), sampler=AlwaysOnSampler(), exporter=exporter
        )
        with tracer.span("main") as span:
            span.span_kind = SpanKind.SERVER
            response = await answer()
            tracer.add_attribute_to_current_span("http.status_code", 200)
            tracer.add_attribute_to_current_span("http.url", url)
        return response

    if where == "inside":

        @app.middleware("http")
        async def documented(request: fastapi.Request, call_next):
            return await traced(lambda: call_next(request), str(request.url))

    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)

    async def around(scope, receive, send):
        await traced(lambda: app(scope, receive, send), "http://shop.example/stock")

    assert asyncio.run(call(app if where == "inside" else around, "/stock")) == 200
    FastAPIInstrumentor.uninstrument_app(app)
    assert opencensus_compat.flush(60)
    [request] = endpoint.rows("requests")
    assert (request["operation_Id"], request["operation_ParentId"], request["resultCode"]) == (TRACE_ID, CALLER, "200")
    assert [(row["name"], row["operation_ParentId"]) for row in endpoint.rows("dependencies")] == [("look up", request["id"])]
