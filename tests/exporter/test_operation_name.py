"""The processor that tells dependencies which request they belong to."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from appinsights_exporter import ApplicationInsightsSpanExporter, OperationNameProcessor
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.testing import CONNECTION_STRING, SPAN_ID, TRACE_ID, FakeTransport


@pytest.fixture
def pipeline():
    """A tracer with the processor, and the transport at its end."""
    transport = FakeTransport()
    provider = TracerProvider()
    provider.add_span_processor(OperationNameProcessor())
    provider.add_span_processor(SimpleSpanProcessor(ApplicationInsightsSpanExporter(CONNECTION_STRING, delivery=Delivery(transport))))
    yield provider.get_tracer("t"), transport
    provider.shutdown()


def operations(transport):
    """Return name and operation name of each item."""
    return {item["data"]["baseData"].get("name", "event"): item["tags"].get("ai.operation.name") for item in transport.items}


REQUESTS = {
    "route": ({"http.request.method": "GET", "http.route": "/a/{id}"}, "GET /a/{id}"),
    "path": ({"http.method": "GET", "http.url": "http://h/a?x"}, "GET /a"),
    "name": ({}, "request"),
    "own": ({"ai.operation.name": "Checkout"}, "Checkout"),
}


@pytest.mark.parametrize(("attributes", "operation"), REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("kind", [SpanKind.SERVER, SpanKind.CONSUMER])
def test_dependencies_carry_the_requests_name(pipeline, kind, attributes, operation):
    """At any depth, and on events, it is the name of the local root request (peer defect 23)."""
    tracer, transport = pipeline
    with (
        tracer.start_as_current_span("request", kind=kind, attributes=attributes),
        tracer.start_as_current_span("inner"),
        tracer.start_as_current_span("call", kind=SpanKind.CLIENT) as call,
    ):
        call.add_event("event")
    made = operations(transport)
    request = [name for name in made if name not in ("inner", "call", "event")]
    assert {made["inner"], made["call"], made["event"], made[request[0]]} == {operation}


def test_a_late_route_reaches_children_that_start_after_it(pipeline):
    """The name is the request's at the moment when the child starts."""
    tracer, transport = pipeline
    with tracer.start_as_current_span("GET", kind=SpanKind.SERVER, attributes={"http.request.method": "GET"}) as request:
        request.set_attribute("http.route", "/late")
        with tracer.start_as_current_span("call", kind=SpanKind.CLIENT):
            pass
    assert operations(transport)["call"] == "GET /late"


def test_without_a_request(pipeline):
    """Work without a local request has no operation name, whether its parent is absent, remote, or not recorded."""
    tracer, transport = pipeline
    with tracer.start_as_current_span("alone", kind=SpanKind.CLIENT):
        pass
    remote = trace.set_span_in_context(NonRecordingSpan(SpanContext(TRACE_ID, SPAN_ID, is_remote=True, trace_flags=TraceFlags(1))))
    with tracer.start_as_current_span("remote", context=remote, kind=SpanKind.CLIENT):
        pass
    assert operations(transport) == {"alone": None, "remote": None}


def test_a_request_within_a_request(pipeline):
    """A server span below another has its own name, and its children have that."""
    tracer, transport = pipeline
    with (
        tracer.start_as_current_span("outer", kind=SpanKind.SERVER),
        tracer.start_as_current_span("nested", kind=SpanKind.SERVER),
        tracer.start_as_current_span("call", kind=SpanKind.CLIENT),
    ):
        pass
    assert operations(transport) == {"outer": "outer", "nested": "nested", "call": "nested"}


def test_unsampled_spans():
    """Spans that are not recorded pass by."""
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(OperationNameProcessor())
    with provider.get_tracer("t").start_as_current_span("x", kind=SpanKind.SERVER):
        pass
    provider.shutdown()


def test_without_the_processor():
    """Without the processor a dependency has no operation name rather than a wrong one (peer defect 23)."""
    transport = FakeTransport()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ApplicationInsightsSpanExporter(CONNECTION_STRING, delivery=Delivery(transport))))
    tracer = provider.get_tracer("t")
    with tracer.start_as_current_span("request", kind=SpanKind.SERVER), tracer.start_as_current_span("call", kind=SpanKind.CLIENT):
        pass
    provider.shutdown()
    assert operations(transport) == {"request": "request", "call": None}
