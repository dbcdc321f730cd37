"""One request, one span: OpenCensus code and an OpenTelemetry instrumentation trace the same request, in either order."""

from __future__ import annotations

import logging
import sys
import types

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanKind

import opencensus_compat
from appinsights_exporter import ApplicationInsightsSpanExporter
from opencensus_compat._bridge import doubles as _doubles
from opencensus_compat.ext import _server
from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.span import SpanKind as CensusKind
from opencensus_compat.trace.tracer import Tracer

TRACE_ID, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01"}
SCOPE = "opentelemetry.instrumentation.flask"
SAID = "both " + SCOPE + " and OpenCensus code trace the same requests: each is sent once, as {} (said once)"


@pytest.fixture(autouse=True)
def _instrumentations(monkeypatch):
    """Have the package of the instrumentations loaded."""
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation", types.ModuleType("opentelemetry.instrumentation"))


@pytest.fixture
def endpoint():
    """The resource of the legacy exporter."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def log():
    """A logger of the standard library's."""
    made = logging.getLogger("tests.one_request")
    made.propagate, made.level = False, logging.INFO
    yield made
    made.handlers, made.propagate = [], True


@pytest.fixture
def said(caplog):
    """Return a function that gives what this package has said about requests."""
    return lambda: [record.getMessage() for record in caplog.records if "the same requests" in record.getMessage()]


class Service:
    """A service that both trace."""

    def __init__(self, endpoint, provider, rate=1.0):
        self.provider = provider
        self.exporter = AzureExporter(connection_string=endpoint.connection_string)
        self.sampler = samplers.ProbabilitySampler(rate)
        self.inside = lambda: None
        self.error = None
        self.headers = HEADERS

    def legacy(self, handle, code):
        """Trace a request as the legacy middlewares do, and what it calls."""
        context = TraceContextPropagator().from_headers(self.headers)
        tracer = Tracer(span_context=context, sampler=self.sampler, exporter=self.exporter)
        span = tracer.start_span()
        span.span_kind = CensusKind.SERVER
        span.name = "[GET]http://shop.example/down"
        tracer.add_attribute_to_current_span("http.method", "GET")
        tracer.add_attribute_to_current_span("http.path", "/down")
        tracer.add_attribute_to_current_span("http.url", "http://shop.example/down")
        handle()
        tracer.add_attribute_to_current_span("http.route", "/down")
        tracer.add_attribute_to_current_span("http.status_code", code)
        tracer.end_span()

    def instrumented(self, handle, code, path="/down"):
        """Trace a request as OpenTelemetry's instrumentations do: a server span, or an internal one where another span is current."""
        tracer = self.provider.get_tracer(SCOPE)
        attributes = {"http.method": "GET", "http.target": path}
        if trace_api.get_current_span().get_span_context().is_valid:
            context, kind = None, SpanKind.INTERNAL
        else:
            remote = trace_api.SpanContext(int(TRACE_ID, 16), int(CALLER, 16), True, trace_api.TraceFlags(1))
            context, kind = trace_api.set_span_in_context(trace_api.NonRecordingSpan(remote)), SpanKind.SERVER
        with tracer.start_as_current_span("GET", context, kind, attributes) as span:
            handle()
            span.update_name("GET /down")
            span.set_attribute("http.status_code", code)
            if self.error is not None:
                span.record_exception(self.error)
            if code >= 500:
                span.set_status(trace_api.StatusCode.ERROR)

    def work(self):
        """Do what a request does, with both APIs."""
        with execution_context.get_opencensus_tracer().span(name="look up"):
            pass
        with self.provider.get_tracer("db").start_as_current_span("select", kind=SpanKind.CLIENT):
            pass
        trace_api.get_current_span().set_attribute("customer", "c-1")
        self.inside()

    def request(self, order, code=503):
        """Answer a request; the second of the two is inside the first."""
        first, second = (self.legacy, self.instrumented) if order == "census outside" else (self.instrumented, self.legacy)
        first(lambda: second(self.work, code), code)


def provider_of(kind, endpoint, sampler=ALWAYS_ON):
    """Return a provider of the application's with an exporter, or None: this package makes one."""
    if kind == "made":
        return None
    provider = TracerProvider(shutdown_on_exit=False, sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    if kind == "same resource":
        provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter(endpoint.connection_string)))
    return provider


def serve(kind, endpoint, *, rate=1.0, sampler=ALWAYS_ON):
    """Return a service whose provider is the global one."""
    provider = provider_of(kind, endpoint, sampler)
    if provider is not None:
        opencensus_compat.configure(tracer_provider=provider)
    service = Service(endpoint, provider, rate)
    service.provider = service.provider or trace_api.get_tracer_provider()
    return service


def arrived(endpoint, service):
    """Return the requests, and the names of dependencies with those of their parents."""
    assert opencensus_compat.flush(60)
    service.provider.force_flush()
    requests = endpoint.rows("requests")
    names = {row["id"]: "the request" for row in requests}
    found = endpoint.rows("dependencies")
    names |= {row["id"]: row["name"] for row in found}
    return requests, sorted((row["name"], names.get(row["operation_ParentId"])) for row in found)


ORDERS = ["census outside", "census inside"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["memory", "made", "same resource"])
def test_a_request_is_sent_once_with_its_name_code_and_failure(endpoint, said, kind, order):
    """Whichever comes first, and whoever sends it: one request below its caller, and below it what it did."""
    service = serve(kind, endpoint)
    service.request(order)
    [request], dependencies = arrived(endpoint, service)
    assert (request["name"], request["resultCode"], request["success"]) == ("GET /down", "503", "False")
    assert (request["operation_Id"], request["operation_ParentId"]) == (TRACE_ID, CALLER)
    assert request["customDimensions"]["customer"] == "c-1"
    assert dependencies == [("look up", "the request"), ("select", "the request")]
    assert said() == [SAID.format("OpenTelemetry's" if kind == "same resource" else "OpenCensus's")]


@pytest.mark.parametrize("order", ORDERS)
def test_the_exception_of_a_request_arrives_once(endpoint, order):
    """The instrumentation records the exception on its span, and the middleware notes it: one arrives, below the request."""
    service = serve("memory", endpoint)

    def fail():
        tracer = execution_context.get_opencensus_tracer()
        tracer.add_attribute_to_current_span("error.name", "ValueError")
        tracer.add_attribute_to_current_span("error.message", "boom")

    service.error = ValueError("boom")
    if order == "census outside":
        service.legacy(lambda: service.instrumented(fail, 500), 500)
    else:
        service.instrumented(lambda: service.legacy(fail, 500), 500)
    [request], _ = arrived(endpoint, service)
    found = [(row["type"], row["outerMessage"], row["operation_ParentId"]) for row in endpoint.rows("exceptions")]
    assert found == [("ValueError", "boom", request["id"])]


def test_what_only_the_instrumentation_knows_lands_on_the_request(endpoint):
    """A middleware of a program's own that notes neither code nor exception: both are on its request all the same."""
    service = serve("memory", endpoint)
    tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=service.exporter)

    def fail():
        trace_api.get_current_span().add_event("retried", {"times": 2})

    service.error = ValueError("boom")
    with tracer.span(name="GET /down") as span:
        span.span_kind = CensusKind.SERVER
        service.instrumented(fail, 500)
    [request], _ = arrived(endpoint, service)
    assert (request["resultCode"], request["success"]) == ("500", "False")
    assert [(row["type"], row["outerMessage"], row["operation_ParentId"]) for row in endpoint.rows("exceptions")] == [
        ("ValueError", "boom", request["id"])
    ]
    assert [(row["message"], row["operation_ParentId"]) for row in endpoint.rows("traces")] == [("retried", request["id"])]


@pytest.mark.parametrize("order", ORDERS)
def test_log_records_belong_to_the_request_that_is_sent(endpoint, order, log):
    """A record inside both spans names the one that arrives."""
    service = serve("memory", endpoint)
    log.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    service.inside = lambda: log.warning("low stock")
    service.request(order)
    [request], _ = arrived(endpoint, service)
    [record] = [row for row in endpoint.rows("traces") if row["message"] == "low stock"]
    assert (record["operation_Id"], record["operation_ParentId"]) == (TRACE_ID, request["id"])


def test_steps_of_an_instrumentation_are_left_out_with_its_request(endpoint):
    """An instrumentation of ASGI makes a span for each message that goes out: they go with its span."""
    service = serve("made", endpoint)

    def answer():
        service.legacy(lambda: None, 200)
        for _ in range(3):
            with service.provider.get_tracer(SCOPE).start_as_current_span("GET http send") as span:
                span.set_attribute("asgi.event.type", "http.response.body")

    service.instrumented(answer, 200)
    requests, dependencies = arrived(endpoint, service)
    assert (len(requests), dependencies) == (1, [])


def test_a_step_that_is_cancelled_while_it_waits_is_left_out_too(endpoint):
    """A streamed response cancels what listens for the client's end: that span ends without the kind of its message."""
    service = serve("made", endpoint)

    def answer():
        service.legacy(lambda: None, 200)
        with service.provider.get_tracer(SCOPE).start_as_current_span("GET /stream http receive"):
            pass
        # The program's own, under such a name, is none.
        with service.provider.get_tracer("shop").start_as_current_span("mirror http send"):
            pass

    service.instrumented(answer, 200)
    requests, dependencies = arrived(endpoint, service)
    assert (len(requests), dependencies) == (1, [("mirror http send", "the request")])


def test_a_step_inside_the_opencensus_request_is_left_out_too(endpoint):
    """Middlewares of OpenCensus's hand messages on from inside their span, or from inside one of the program's in it."""
    service = serve("made", endpoint)

    def step(name):
        with service.provider.get_tracer(SCOPE).start_as_current_span(name):
            pass

    def stream():
        step("GET /stream http receive")
        with execution_context.get_opencensus_tracer().span(name="stream"):
            step("GET /stream http send")

    service.instrumented(lambda: service.legacy(stream, 200), 200)
    requests, dependencies = arrived(endpoint, service)
    assert (len(requests), dependencies) == (1, [("stream", "the request")])
    with Tracer(exporter=service.exporter, sampler=samplers.AlwaysOnSampler()).span(name="job"):
        step("GET http send")
    _, dependencies = arrived(endpoint, service)
    assert dependencies == [("GET http send", "job"), ("job", None), ("stream", "the request")]


def in_a_fresh_context(service, provider, caller):
    """Answer a request as FastAPI does by itself: what the headers say is all that it begins in."""
    remote = trace_api.SpanContext(int(TRACE_ID, 16), int(CALLER, 16), True, trace_api.TraceFlags(1))
    context = trace_api.set_span_in_context(trace_api.NonRecordingSpan(remote), Context()) if caller else Context()
    token = attach(context)
    attributes = {"http.request.method": "GET", "url.path": "/down"}
    tracer = provider.get_tracer("fastapi")
    with tracer.start_as_current_span("GET /down", context, SpanKind.SERVER, attributes), tracer.start_as_current_span("fastapi.endpoint"):
        service.work()
    detach(token)


@pytest.mark.parametrize("adopts", [False, True])
@pytest.mark.parametrize("caller", [None, CALLER])
def test_a_framework_that_makes_a_fresh_context_inside_the_request(endpoint, log, adopts, caller):
    """It begins outside of all spans: its request is the open one once more, and what is inside it belongs to that."""
    provider = provider_of("memory", endpoint)
    opencensus_compat.configure(tracer_provider=provider, adopt_providers=adopts)
    service = Service(endpoint, provider)
    service.headers = HEADERS if caller else {}
    log.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    service.inside = lambda: log.warning("low stock")
    service.legacy(lambda: in_a_fresh_context(service, provider, caller), 503)
    [request], dependencies = arrived(endpoint, service)
    assert (request["resultCode"], request["operation_ParentId"]) == ("503", caller)
    expected = [("look up", "the request"), ("select", "the request")]
    assert dependencies == ([("fastapi.endpoint", "the request"), *expected] if adopts else [("look up", "the request")])
    [record] = endpoint.rows("traces")
    assert (record["operation_Id"], record["operation_ParentId"]) == (request["operation_Id"], request["id"])
    assert {row["operation_Id"] for row in endpoint.rows("dependencies")} == {request["operation_Id"]}


@pytest.mark.parametrize("caller", [None, CALLER])
def test_a_framework_that_makes_a_fresh_context_and_is_exported(endpoint, caller):
    """The application exports the framework's request to the same resource: it is that one."""
    service = serve("same resource", endpoint)
    service.headers = HEADERS if caller else {}
    service.legacy(lambda: in_a_fresh_context(service, service.provider, caller), 200)
    [request], dependencies = arrived(endpoint, service)
    assert (request["name"], request["operation_ParentId"]) == ("GET /down", caller)
    assert dependencies == [
        ("fastapi.endpoint", "the request"),
        ("look up", "fastapi.endpoint"),
        ("select", "fastapi.endpoint"),
    ]


@pytest.mark.parametrize("outside", ["unsampled", "left out"])
def test_a_framework_that_makes_a_fresh_context_in_a_request_that_is_not_sampled(endpoint, outside):
    """OpenCensus's sampler keeps nothing of the request, whichever API makes it, and the application's exporter keeps its own."""
    provider = provider_of("memory", endpoint)
    opencensus_compat.configure(tracer_provider=provider, adopt_providers=True)
    service = Service(endpoint, provider, rate=0.0)
    service.headers = {}

    def answer():
        service.legacy(lambda: in_a_fresh_context(service, provider, None), 200)

    if outside == "unsampled":
        answer()
    else:
        service.instrumented(answer, 200)
    assert arrived(endpoint, service) == ([], [])


def test_what_is_inside_a_request_that_is_left_out(endpoint):
    """Spans of OpenTelemetry code between it and OpenCensus's, and after OpenCensus's has ended, bring nothing of it back."""
    service = serve("made", endpoint, rate=0.0)
    service.headers = {}

    def between():
        with service.provider.get_tracer("fastapi.steps").start_as_current_span("endpoint"):
            service.work()

    def answer():
        service.legacy(between, 200)
        with service.provider.get_tracer(SCOPE).start_as_current_span("GET http send"):
            pass

    service.instrumented(answer, 200)
    assert arrived(endpoint, service) == ([], [])


def test_a_request_that_the_program_sends_itself(endpoint):
    """Inside another request, and inside a span around all of them, the two spans of a request are still one."""
    service = serve("made", endpoint)
    main = Tracer(exporter=service.exporter, sampler=samplers.AlwaysOnSampler())
    service.headers = {}
    with main.span(name="main"):
        service.instrumented(lambda: service.legacy(lambda: None, 200), 200)
    service.headers = HEADERS

    def itself():
        tracer = execution_context.get_opencensus_tracer()
        with service.provider.get_tracer(SCOPE).start_as_current_span("GET", attributes={"http.method": "GET", "http.target": "/up"}):
            span = tracer.start_span("inner")
            span.span_kind = CensusKind.SERVER
            tracer.add_attribute_to_current_span("http.path", "/up")
            tracer.end_span()

    service.instrumented(lambda: service.legacy(itself, 200), 200)
    assert opencensus_compat.flush(60)
    assert [row["name"] for row in endpoint.rows("dependencies")] == ["main"]
    assert len(endpoint.rows("requests")) == 3


class Half(Sampler):
    """Keeps every second trace, and says so as the samplers of the official distribution do."""

    def __init__(self):
        self.asked = 0

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
        """Decide; a child follows its parent."""
        around = trace_api.get_current_span(parent_context).get_span_context()
        if around.is_valid and not around.is_remote:
            return SamplingResult(Decision.RECORD_AND_SAMPLE if around.trace_flags.sampled else Decision.DROP, attributes)
        self.asked += 1
        decision = Decision.RECORD_AND_SAMPLE if self.asked % 2 else Decision.DROP
        return SamplingResult(decision, {**(attributes or {}), "_MS.sampleRate": 50.0})

    def get_description(self):
        """Return the name."""
        return "Half"


@pytest.mark.parametrize("kind", ["memory", "same resource"])
def test_the_opencensus_sampler_decides_about_its_requests(endpoint, kind):
    """A sampler of the provider's that leaves requests out costs none of those that OpenCensus keeps, and counts stay right."""
    service = serve(kind, endpoint, sampler=Half())
    for _ in range(10):
        service.request("census inside", 200)
    requests, dependencies = arrived(endpoint, service)
    assert (len(requests), sum(row["itemCount"] for row in requests)) == (10, 10)
    assert [name for name, _ in dependencies].count("look up") == 10
    assert all(parent == "the request" for _, parent in dependencies)


@pytest.mark.parametrize("order", ORDERS)
def test_a_provider_that_samples_nothing_takes_nothing_away(endpoint, order):
    """All spans of OpenTelemetry code are left out, and those of OpenCensus code arrive whole."""
    service = serve("memory", endpoint, sampler=ALWAYS_OFF)
    service.request(order)
    [request], dependencies = arrived(endpoint, service)
    assert (request["name"], request["resultCode"]) == ("GET /down", "503")
    assert dependencies[0] == ("look up", "the request")


def test_what_the_opencensus_sampler_leaves_out_stays_out(endpoint):
    """OpenTelemetry's spans of such a request go to the application's exporters alone, as do those inside it."""
    service = serve("memory", endpoint, rate=0.0)
    # That a sampled caller is there would decide.
    service.headers = {}
    service.request("census inside")
    assert arrived(endpoint, service) == ([], [])


def test_another_request_inside_is_no_double(endpoint):
    """A service that calls itself in the same process traces two requests: their paths differ."""
    service = serve("made", endpoint)
    service.legacy(lambda: service.instrumented(lambda: None, 200, path="/other"), 200)
    requests, dependencies = arrived(endpoint, service)
    assert ([row["name"] for row in requests], dependencies) == (["GET /down"], [("GET /down", "the request")])


def test_an_ordinary_span_inside_a_server_span_stays_one(endpoint):
    """Only what a program makes a server span is a request."""
    service = serve("made", endpoint)
    tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=service.exporter)

    def work():
        with tracer.span(name="outer"), tracer.span(name="inner"):
            pass

    service.instrumented(work, 200)
    requests, dependencies = arrived(endpoint, service)
    assert (len(requests), dependencies) == (1, [("inner", "outer"), ("outer", "the request")])


def test_an_exporter_of_another_vendor_gets_the_request(endpoint):
    """It hangs below the caller, since that exporter never sees OpenTelemetry's span."""
    service = serve("memory", endpoint)
    sent = []
    service.exporter = types.SimpleNamespace(export=sent.extend)
    service.instrumented(lambda: service.legacy(lambda: None, 200), 200)
    assert [(span.name, span.parent_span_id) for span in sent] == [("[GET]http://shop.example/down", CALLER)]


class Handing(Service):
    """A service whose middleware hands its request over, as this package's integrations do."""

    path, prefix, shown = "/down", "", "/down"

    def legacy(self, handle, code):
        """Trace a request."""
        environ = {"PATH_INFO": self.path, "SCRIPT_NAME": self.prefix}
        headers = self.headers

        def make():
            return _server.new_tracer(headers, sampler=self.sampler, exporter=self.exporter, propagator=TraceContextPropagator())

        def describe(span):
            span.name = "request"
            span.add_attribute("http.method", "GET")
            span.add_attribute("http.path", self.path)
            span.add_attribute("http.url", f"http://shop.example{self.path}")

        request = _server.begin("flask", make, describe, environ)
        handle()
        request.set_status_code(code)
        request.end()

    def instrumented(self, handle, code, path=None):
        """Trace a request."""
        super().instrumented(handle, code, path or self.shown)


def hand_over(kind, endpoint):
    """Return such a service."""
    provider = provider_of(kind, endpoint)
    if provider is not None:
        opencensus_compat.configure(tracer_provider=provider)
    service = Handing(endpoint, provider)
    service.provider = service.provider or trace_api.get_tracer_provider()
    return service


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["memory", "same resource"])
@pytest.mark.parametrize(
    ("path", "prefix", "shown"),
    [("/a b", "/shop", "/shop/a%20b?x=1"), ("/a b", "/shop", "/a b"), ("/\xc3\xa4", "", "/ä"), ("", "/shop", "/shop"), ("//a", "", "//a")],
)
def test_a_path_is_the_same_in_whatever_form(endpoint, kind, order, path, prefix, shown):
    """With a prefix or without it, quoted or not, as bytes in text: what the two show is the path of one environ."""
    service = hand_over(kind, endpoint)
    service.path, service.prefix, service.shown = path, prefix, shown
    service.request(order)
    [request], dependencies = arrived(endpoint, service)
    assert (request["resultCode"], request["success"], request["operation_ParentId"]) == ("503", "False", CALLER)
    assert dependencies == [("look up", "the request"), ("select", "the request")]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["memory", "made", "same resource"])
def test_a_request_with_a_span_of_the_program_in_between(endpoint, kind, order):
    """A middleware of its own that traces stands between the two: there is one request all the same, and that span below it."""
    service = hand_over(kind, endpoint)

    def between(inner):
        with service.provider.get_tracer("shop").start_as_current_span("authorize"):
            inner()

    first, second = (service.legacy, service.instrumented) if order == "census outside" else (service.instrumented, service.legacy)
    first(lambda: between(lambda: second(service.work, 503)), 503)
    [request], dependencies = arrived(endpoint, service)
    assert (request["resultCode"], request["success"], request["operation_ParentId"]) == ("503", "False", CALLER)
    found = dict(dependencies)
    if order == "census inside":
        inside = "authorize" if kind == "same resource" else "the request"
        expected = {"authorize": "the request", "look up": inside, "select": inside}
        if kind == "memory":
            # Begun outside of OpenCensus's request, it is left to the application's exporters.
            del expected["authorize"]
        assert found == expected
    elif kind == "same resource":
        # OpenTelemetry's span cannot be the request of what is around it: it is what it is.
        assert found == {"authorize": "the request", "GET /down": "authorize", "look up": "GET /down", "select": "GET /down"}
    else:
        assert found == {"authorize": "the request", "look up": "authorize", "select": "authorize"}
        assert request["customDimensions"]["customer"] == "c-1"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["memory", "made", "same resource"])
@pytest.mark.parametrize("serve_it", [hand_over, serve], ids=["handed over", "by its spans"])
def test_a_request_of_the_same_path_inside_a_request(endpoint, kind, order, serve_it):
    """A service that calls itself in the same process traces two requests, each with its own code."""
    service = serve_it(kind, endpoint)

    def again():
        service.headers = {}
        service.request(order, 404)

    first, second = (service.legacy, service.instrumented) if order == "census outside" else (service.instrumented, service.legacy)
    first(lambda: second(again, 200), 200)
    requests, dependencies = arrived(endpoint, service)
    by_code = {row["resultCode"]: row for row in requests}
    assert (len(requests), sorted(by_code)) == (2, ["200", "404"])
    assert (by_code["200"]["operation_ParentId"], by_code["404"]["operation_ParentId"]) == (CALLER, by_code["200"]["id"])
    assert dependencies == [("look up", "the request"), ("select", "the request")]


def test_a_request_that_ends_before_the_span_inside_it(endpoint):
    """A middleware of OpenCensus's ends with the last byte of the answer: what is on OpenTelemetry's span by then is on the request."""
    service = hand_over("memory", endpoint)
    tracer = service.provider.get_tracer(SCOPE)
    span = None

    def begin():
        nonlocal span
        # Pyramid's says only later what it is.
        span = tracer.start_span("GET")
        span.set_attribute("http.target", "/down")
        span.set_attribute("customer", "c-1")

    service.legacy(begin, 200)
    span.set_attribute("late", True)
    span.end()
    [request], dependencies = arrived(endpoint, service)
    assert (request["customDimensions"]["customer"], "late" in request["customDimensions"], dependencies) == ("c-1", False, [])


@pytest.mark.parametrize("order", ORDERS)
def test_instrumentations_whose_tracer_has_the_name_of_a_module(endpoint, order):
    """Pyramid's is of `opentelemetry.instrumentation.pyramid.callbacks`."""
    service = serve("memory", endpoint)
    tracer = service.provider.get_tracer("opentelemetry.instrumentation.pyramid.callbacks")
    service.provider = types.SimpleNamespace(get_tracer=lambda _: tracer, force_flush=service.provider.force_flush)
    service.work = lambda: None
    service.request(order)
    [request], _ = arrived(endpoint, service)
    assert request["resultCode"] == "503"


@pytest.mark.parametrize("order", ORDERS)
def test_exporters_that_leave_the_sending_to_the_providers(endpoint, order):
    """The provider's exporters would get both: they get OpenTelemetry's, with what OpenCensus code has set."""
    provider = TracerProvider(shutdown_on_exit=False)
    memory = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    opencensus_compat.configure(tracer_provider=provider, send="providers")
    service = Service(endpoint, provider)
    service.request(order)
    spans = {span.name: span for span in memory.get_finished_spans()}
    assert sorted(spans) == ["GET /down", "look up", "select"]
    request = spans["GET /down"]
    assert (request.kind, f"{request.parent.span_id:016x}", request.attributes["http.status_code"]) == (SpanKind.SERVER, CALLER, 503)
    assert {span.parent.span_id for name, span in spans.items() if name != "GET /down"} == {request.context.span_id}


class Odd(dict):
    """Attributes of a program's own that cannot be read."""

    def get(self, *args):
        """Fail."""
        raise RuntimeError("odd")


@pytest.mark.parametrize("order", ORDERS)
def test_what_cannot_be_matched_reaches_no_application(endpoint, caplog, order):
    """A program assigns attributes to its request that raise where they are read: both spans are ended, and one line says so."""
    service = serve("memory", endpoint)
    tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=service.exporter)

    def census(handle):
        with tracer.span(name="request") as span:
            span.attributes = Odd(key="value")
            span.span_kind = CensusKind.SERVER
            handle()

    if order == "census outside":
        census(lambda: service.instrumented(lambda: None, 200))
    else:
        service.instrumented(lambda: census(lambda: None), 200)
    assert trace_api.get_current_span() is trace_api.INVALID_SPAN
    assert [record.getMessage() for record in caplog.records if "could not be matched" in record.getMessage()] == [
        "a request that an OpenTelemetry instrumentation traces, too, could not be matched: RuntimeError (said once)"
    ]


PATHS = {
    "the same": ({"http.path": "/a"}, {"http.target": "/a?b=c"}, True),
    "a whole url": ({"http.url": "http://shop.example/a?x=y"}, {"url.path": "/a"}, True),
    "another": ({"http.path": "/a"}, {"url.path": "/b"}, False),
    "one does not say": ({}, {"url.path": "/b"}, True),
    "none says": ({}, {}, True),
    "no url": ({"http.url": "http://[a"}, {"url.path": "/a"}, True),
}


@pytest.mark.parametrize(("census", "otel", "expected"), PATHS.values(), ids=PATHS)
def test_matching_by_path(census, otel, expected):
    """Two spans are of one request unless both say a path and these differ."""
    assert _doubles.is_same_request(census, otel) is expected
