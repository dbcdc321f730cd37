"""One call, one span: a legacy integration and an OpenTelemetry instrumentation trace the same call, in either order."""

from __future__ import annotations

import http.client
import http.server
import threading
import types
import urllib.request

import pytest
import requests
from opentelemetry import trace as trace_api
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib import URLLibInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

import opencensus_compat
from appinsights_exporter import ApplicationInsightsSpanExporter
from opencensus_compat._bridge import doubled_calls
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.ext.httplib import trace as httplib_trace
from opencensus_compat.ext.requests import trace as requests_trace
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers.context_tracer import PROVIDER

SAID = "both opentelemetry.instrumentation.{} and opencensus.ext.{} trace the same calls: each is sent once, as {}'s (said once)"
KINDS = ["memory", "made", "same resource"]


class Handler(http.server.BaseHTTPRequestHandler):
    """Notes the callers that it is told of, and answers with a code that the path names."""

    def do_GET(self):
        """Answer, or send the client elsewhere."""
        self.server.told += [value.split("-")[2] for value in self.headers.get_all("traceparent")]
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture
def server():
    """A running server; `told` are the ids of the spans that called it."""
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.told = []
    running.url = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def endpoint():
    """The resource of the legacy exporter."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def said(caplog):
    """Return a function that gives what this package has said about calls."""
    return lambda: [record.getMessage() for record in caplog.records if "the same calls" in record.getMessage()]


@pytest.fixture
def switch_on(monkeypatch):
    """Return a function that switches an integration and an instrumentation on, in a given order, for the time of a test."""
    for owner in (requests.Session, http.client.HTTPConnection):
        for name in ("request", "getresponse") if owner is http.client.HTTPConnection else ("request",):
            monkeypatch.setattr(owner, name, getattr(owner, name))
    in_place = []

    def switch(integration, instrumentor, provider, order="instrumentation first"):
        in_place.append(instrumentor())
        steps = [lambda: in_place[0].instrument(tracer_provider=provider), integration.trace_integration]
        for step in steps if order == "instrumentation first" else reversed(steps):
            step()

    yield switch
    for one in in_place:
        one.uninstrument()


def serve(kind, endpoint):
    """Return the global provider, and a tracer with the legacy exporter."""
    if kind != "made":
        provider = TracerProvider(shutdown_on_exit=False)
        provider.memory = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(provider.memory))
        if kind == "same resource":
            provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter(endpoint.connection_string)))
        opencensus_compat.configure(tracer_provider=provider)
    tracer = Tracer(exporter=AzureExporter(connection_string=endpoint.connection_string), sampler=AlwaysOnSampler())
    return (provider if kind != "made" else trace_api.get_tracer_provider()), tracer


def arrived(endpoint, provider):
    """Return name, code and success of each dependency, with the name of its parent."""
    assert opencensus_compat.flush(60)
    provider.force_flush()
    rows = endpoint.rows("dependencies")
    names = {row["id"]: row["name"] for row in rows}
    found = [(row["name"], row["resultCode"], row["success"], names.get(row["operation_ParentId"])) for row in rows]
    return sorted(found, key=str), names


@pytest.mark.parametrize("order", ["instrumentation first", "integration first"])
@pytest.mark.parametrize("instrumentor", [RequestsInstrumentor, URLLib3Instrumentor], ids=["requests", "urllib3"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_sent_once_and_told_of_once(server, endpoint, switch_on, said, kind, instrumentor, order):
    """Whoever sends it: with its code, below what it is part of; the other side hears of the span that arrives, after a redirect, too."""
    provider, tracer = serve(kind, endpoint)
    switch_on(requests_trace, instrumentor, provider, order)
    with tracer.span("job"):
        requests.get(f"{server.url}/503", timeout=60)
        requests.get(f"{server.url}/302", timeout=60)
    requests.get(f"{server.url}/200", timeout=60)
    dependencies, names = arrived(endpoint, provider)
    per_hop = kind == "same resource" and instrumentor is URLLib3Instrumentor
    assert dependencies == [
        *([("GET /200", "200", "True", "job")] if per_hop else []),
        ("GET /200", "200", "True", None),
        ("GET /302", "302" if per_hop else "200", "True", "job"),
        ("GET /503", "503", "False", "job"),
        ("job", "0", "True", None),
    ]
    assert [names.get(span_id) for span_id in server.told] == [
        "GET /503",
        "GET /302",
        "GET /200" if per_hop else "GET /302",
        "GET /200",
    ]
    library = "requests" if instrumentor is RequestsInstrumentor else "urllib3"
    assert said() == [SAID.format(library, "requests", "OpenTelemetry" if kind == "same resource" else "OpenCensus")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_inside", [True, False], ids=["in a span", "outside of all"])
def test_the_integration_inside_the_instrumentation(server, endpoint, switch_on, said, kind, is_inside):
    """`urllib` is built on `http.client`: the inner span takes the outer one's place, and replaces its header."""
    provider, tracer = serve(kind, endpoint)
    switch_on(httplib_trace, URLLibInstrumentor, provider)
    if is_inside:
        with tracer.span("job"):
            urllib.request.urlopen(f"{server.url}/200", timeout=60).close()
    else:
        urllib.request.urlopen(f"{server.url}/200", timeout=60).close()
    dependencies, names = arrived(endpoint, provider)
    jobs = [("job", "0", "True", None)] if is_inside else []
    assert dependencies == [("GET /200", "200", "True", "job" if is_inside else None), *jobs]
    assert [names.get(span_id) for span_id in server.told] == ["GET /200"]
    assert said() == [SAID.format("urllib", "httplib", "OpenTelemetry" if kind == "same resource" else "OpenCensus")]


def test_the_exporters_of_the_application_get_both_spans(server, endpoint, switch_on):
    """OpenTelemetry's has its own ids there, and what is inside it is below the one that is told of."""
    provider, tracer = serve("memory", endpoint)

    def hook(span, request):
        span.set_attribute("shop", "s-1")
        with provider.get_tracer("shop").start_as_current_span("sign"):
            pass

    RequestsInstrumentor().instrument(tracer_provider=provider, request_hook=hook)
    try:
        switch_on(requests_trace, URLLib3Instrumentor, provider)
        with tracer.span("job"):
            requests.get(f"{server.url}/200", timeout=60)
    finally:
        RequestsInstrumentor().uninstrument()
    spans = {span.name: span for span in provider.memory.get_finished_spans()}
    assert set(spans) == {"/200", "GET", "job", "sign"}
    assert len({span.context.span_id for span in spans.values()}) == 4
    assert {span.parent.span_id for name, span in spans.items() if name in {"GET", "sign"}} == {spans["/200"].context.span_id}
    dependencies, _ = arrived(endpoint, provider)
    assert [(name, parent) for name, *_, parent in dependencies] == [("GET /200", "job"), ("job", None), ("sign", "GET /200")]
    [row] = [row for row in endpoint.rows("dependencies") if row["name"] == "GET /200"]
    # What the hook has set is on the span that arrives, and what the instrumentation says of the call is not.
    assert {"shop"} == {key for key in row["customDimensions"] if not key.startswith(("http.", "component"))}


def test_a_call_that_raises_has_no_exception_of_its_own(endpoint, switch_on):
    """OpenTelemetry's span records it, and goes; OpenCensus's says it in its status, as ever."""
    provider, tracer = serve("memory", endpoint)
    switch_on(requests_trace, RequestsInstrumentor, provider)
    with tracer.span("job"), pytest.raises(requests.ConnectionError):
        requests.get("http://127.0.0.1:9/refused", timeout=60)
    dependencies, _ = arrived(endpoint, provider)
    assert [(name, success) for name, _, success, _ in dependencies] == [("GET /refused", "False"), ("job", "True")]
    assert endpoint.rows("exceptions") == []


def test_a_tracer_without_an_exporter_leaves_the_call_to_opentelemetry(server, switch_on, said):
    """Both spans would go to the same exporters of the provider."""
    provider, memory = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    opencensus_compat.configure(tracer_provider=provider)
    switch_on(requests_trace, RequestsInstrumentor, provider)
    with Tracer(exporter=PROVIDER, sampler=AlwaysOnSampler()).span("job"):
        requests.get(f"{server.url}/200", timeout=60)
    assert [span.name for span in memory.get_finished_spans()] == ["GET", "job"]
    assert said() == [SAID.format("requests", "requests", "OpenTelemetry")]


def test_exporters_that_leave_the_sending_to_the_providers(server, endpoint, switch_on, said):
    """The same: there is one span of the call for all exporters."""
    provider, memory = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    opencensus_compat.configure(tracer_provider=provider, send="providers")
    tracer = Tracer(exporter=AzureExporter(connection_string=endpoint.connection_string), sampler=AlwaysOnSampler())
    switch_on(requests_trace, URLLib3Instrumentor, provider)
    with tracer.span("job"):
        requests.get(f"{server.url}/200", timeout=60)
    spans = {span.name: span for span in memory.get_finished_spans()}
    assert (sorted(spans), spans["GET"].parent.span_id) == (["GET", "job"], spans["job"].context.span_id)
    assert said() == [SAID.format("urllib3", "requests", "OpenTelemetry")]


@pytest.mark.parametrize("is_instrumented", [True, False])
def test_what_exporters_send_is_no_call(server, endpoint, switch_on, is_instrumented):
    """OpenTelemetry's SDK suppresses instrumentations while an exporter of the application's runs."""

    class Exporter(SpanExporter):
        def export(self, spans):
            requests.get(f"{server.url}/200", timeout=60, headers={"traceparent": "--"})
            return SpanExportResult.SUCCESS

    provider, tracer = serve("memory", endpoint)
    provider.add_span_processor(SimpleSpanProcessor(Exporter()))
    if is_instrumented:
        switch_on(requests_trace, RequestsInstrumentor, provider)
    else:
        requests_trace.trace_integration()
    with tracer.span("job"), provider.get_tracer("shop").start_as_current_span("work"):
        pass
    dependencies, _ = arrived(endpoint, provider)
    assert [name for name, *_ in dependencies] == ["job", "work"]
    # One export for each of the two, and no more for calls of theirs.
    assert len(server.told) == 2


def test_another_vendors_exporter_gets_the_span(server, endpoint, switch_on):
    """It never sees OpenTelemetry's."""
    provider, _ = serve("same resource", endpoint)
    sent = []
    exporter = types.SimpleNamespace(export=sent.extend)
    switch_on(requests_trace, RequestsInstrumentor, provider)
    with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span("job"):
        requests.get(f"{server.url}/200", timeout=60)
    assert [span.name for span in sent] == ["/200", "job"]


# --- Integrations of other distributions, as they are loaded from disk


INTEGRATION = """
def before(tracer):
    span = tracer.start_span(name="legacy")
    span.span_kind = 2
    return span
"""


@pytest.fixture
def legacy():
    """Return a function that gives a legacy integration, as it would be loaded from disk."""

    def load(library):
        names = {"__name__": f"opencensus.ext.{library}.trace"}
        exec(INTEGRATION, names)
        return names["before"]

    return load


@pytest.mark.parametrize("order", ["instrumentation first", "integration first"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_inside", [True, False], ids=["in a span", "outside of all"])
def test_two_listeners_of_one_engine(endpoint, legacy, said, kind, order, is_inside):
    """OpenTelemetry's span is current at no time, and a driver's instrumentation makes one more inside."""
    provider, tracer = serve(kind, endpoint)
    listener = provider.get_tracer("opentelemetry.instrumentation.sqlalchemy")
    driver = provider.get_tracer("opentelemetry.instrumentation.psycopg2")

    def execute():
        if order == "instrumentation first":
            theirs = listener.start_span("SELECT", kind=SpanKind.CLIENT)
            legacy("sqlalchemy")(tracer)
        else:
            legacy("sqlalchemy")(tracer)
            theirs = listener.start_span("SELECT", kind=SpanKind.CLIENT)
        if kind != "same resource":
            with driver.start_as_current_span("SELECT", kind=SpanKind.CLIENT):
                pass
        theirs.end()
        tracer.end_span()

    if is_inside:
        with tracer.span("job"):
            execute()
    else:
        execute()
    dependencies, _ = arrived(endpoint, provider)
    expected = ("SELECT" if kind == "same resource" else "legacy", "0", "True", "job" if is_inside else None)
    assert dependencies == sorted([expected, *([("job", "0", "True", None)] if is_inside else [])])
    assert said()[0] == SAID.format("sqlalchemy", "sqlalchemy", "OpenTelemetry" if kind == "same resource" else "OpenCensus")


def test_without_frames_both_spans_arrive(endpoint, legacy, monkeypatch):
    """Where the frames of callers cannot be read, or that is switched off, nobody knows of which call a legacy integration's span is."""
    monkeypatch.setattr(doubled_calls, "frame_at", None)
    provider, tracer = serve("memory", endpoint)
    with tracer.span("job"):
        legacy("postgresql")(tracer)
        with provider.get_tracer("opentelemetry.instrumentation.psycopg2").start_as_current_span("SELECT", kind=SpanKind.CLIENT):
            pass
        tracer.end_span()
    dependencies, _ = arrived(endpoint, provider)
    assert [(name, parent) for name, *_, parent in dependencies] == [("SELECT", "legacy"), ("job", None), ("legacy", "job")]


def test_calls_side_by_side_are_two(endpoint, legacy):
    """A call of another kind, or one that has ended, takes nobody's place."""
    provider, tracer = serve("made", endpoint)
    mongo = provider.get_tracer("opentelemetry.instrumentation.pymongo")
    with tracer.span("job"):
        ended = mongo.start_span("find", kind=SpanKind.CLIENT)
        ended.end()
        running = mongo.start_span("count", kind=SpanKind.CLIENT)
        legacy("mysql")(tracer)
        tracer.end_span()
        running.end()
        legacy("pymongo")(tracer)
        tracer.end_span()
    dependencies, _ = arrived(endpoint, provider)
    assert [name for name, *_ in dependencies] == ["count", "find", "job", "legacy", "legacy"]
