"""What frameworks, client libraries and integrations do with the API."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import attributes_helper, execution_context
from opencensus.trace.propagation.b3_format import B3FormatPropagator
from opencensus.trace.propagation.google_cloud_format import GoogleCloudFormatPropagator
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer
from opencensus.trace.tracers.noop_tracer import NoopTracer

TRACE_ID = "11111111111111111111111111111111"
SPAN_ID = "2222222222222222"
NAMES = attributes_helper.COMMON_ATTRIBUTES


def _tracer(**options):
    return Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler(), **options)


def _call(url, status=200, fails=False):
    """Call another service as the requests integration does."""
    tracer = execution_context.get_opencensus_tracer()
    span = tracer.start_span()
    span.name = "/orders"
    span.span_kind = SpanKind.CLIENT
    tracer.add_attribute_to_current_span("component", "HTTP")
    tracer.add_attribute_to_current_span(NAMES["HTTP_METHOD"], "GET")
    tracer.add_attribute_to_current_span(NAMES["HTTP_URL"], url)
    headers = tracer.propagator.to_headers(tracer.span_context)
    try:
        if fails:
            raise TimeoutError("no answer")
        tracer.add_attribute_to_current_span(NAMES["HTTP_STATUS_CODE"], status)
    except TimeoutError as error:
        span.set_status(Status(4, str(error)))
        raise
    finally:
        tracer.end_span()
    return headers


def web_request():
    """A request as the Flask and Django integrations trace it: begun in one hook, ended in another."""
    propagator = TraceContextPropagator()
    span_context = propagator.from_headers({"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"})
    tracer = _tracer(span_context=span_context, propagator=propagator)
    execution_context.set_opencensus_attr("excludelist_hostnames", ["health"])
    span = tracer.start_span()
    span.span_kind = SpanKind.SERVER
    span.name = "[GET]http://shop.example/orders"
    tracer.add_attribute_to_current_span(NAMES["HTTP_HOST"], "shop.example")
    tracer.add_attribute_to_current_span(NAMES["HTTP_METHOD"], "GET")
    tracer.add_attribute_to_current_span(NAMES["HTTP_PATH"], "/orders")
    tracer.add_attribute_to_current_span(NAMES["HTTP_URL"], "http://shop.example/orders")
    _call("http://stock.example/orders")
    tracer.add_attribute_to_current_span(NAMES["HTTP_ROUTE"], "/orders")
    tracer.add_attribute_to_current_span(NAMES["HTTP_STATUS_CODE"], 200)
    tracer.end_span()
    tracer.finish()
    return execution_context.get_opencensus_attr("excludelist_hostnames")


def failing_calls():
    """Calls that answer badly, or not at all."""
    tracer = _tracer()
    with tracer.span(name="work"):
        _call("http://stock.example/orders", status=503)
        with contextlib.suppress(TimeoutError):
            _call("http://stock.example/orders", fails=True)


def middleware_that_adds_to_the_current_span():
    """A middleware as product documentation shows it for FastAPI."""
    tracer = _tracer()
    with tracer.span("main") as span:
        span.span_kind = SpanKind.SERVER
        tracer.add_attribute_to_current_span(attribute_key=NAMES["HTTP_STATUS_CODE"], attribute_value=201)
        tracer.add_attribute_to_current_span(attribute_key=NAMES["HTTP_URL"], attribute_value="http://shop.example/items")
        with tracer.span("query"):
            pass


def client_library():
    """A client library that makes children of the current span and enters them by hand."""
    tracer = _tracer()
    with tracer.span(name="upload"):
        child = execution_context.get_current_span().span(name="BlobClient.upload_blob")
        child.__enter__()
        child.span_kind = SpanKind.CLIENT
        child.add_attribute("component", "azure")
        inner = child.span(name="PUT")
        inner.span_kind = SpanKind.CLIENT
        inner.start()
        headers = tracer.propagator.to_headers(tracer.span_context)
        inner.finish()
        child.__exit__(None, None, None)
    return headers["traceparent"][:35]


def client_library_that_sets_the_current_span():
    """The same, while the child is made the current span."""
    tracer = _tracer()
    with tracer.span(name="upload") as outer:
        child = outer.span(name="BlobClient.upload_blob")
        child.start()
        execution_context.set_current_span(child)
        with tracer.span(name="inside"):
            pass
        execution_context.set_current_span(outer)
        child.finish()
        with tracer.span(name="after"):
            pass


def other_propagators():
    """Headers in other formats."""
    sent = []
    for propagator, headers in (
        (B3FormatPropagator(), {"X-B3-TraceId": TRACE_ID, "X-B3-SpanId": SPAN_ID, "X-B3-Sampled": "1"}),
        (GoogleCloudFormatPropagator(), {"X-Cloud-Trace-Context": f"{TRACE_ID}/{SPAN_ID};o=1"}),
    ):
        tracer = _tracer(span_context=propagator.from_headers(headers), propagator=propagator)
        with tracer.span(name=type(propagator).__name__):
            sent.append({name: value.partition("/")[0] for name, value in tracer.propagator.to_headers(tracer.span_context).items()})
    return sent


def asyncio_requests():
    """Tasks with a tracer each, at the same time."""

    async def request(name):
        tracer = _tracer()
        with tracer.span(name=name):
            await asyncio.sleep(0)
            with tracer.span(name="part of " + name):
                await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(request("first"), request("second"))

    asyncio.run(main())


def asyncio_children():
    """Tasks that are children of the span they were started in."""
    tracer = _tracer()

    async def part(name):
        with tracer.span(name=name):
            await asyncio.sleep(0)

    async def main():
        with tracer.span(name="request"):
            await asyncio.gather(part("first"), part("second"))

    asyncio.run(main())


def executor():
    """Jobs in a pool, each with a tracer that continues the submitter's trace."""
    tracer = _tracer()

    def job(span_context):
        with _tracer(span_context=span_context).span(name="job"):
            pass

    with ThreadPoolExecutor(1) as pool, tracer.span(name="submitter"):
        propagator = TraceContextPropagator()
        headers = propagator.to_headers(tracer.span_context)
        pool.submit(job, propagator.from_headers(headers)).result()


def without_a_tracer():
    """What is current where nobody made a tracer."""
    tracer = execution_context.get_opencensus_tracer()
    with tracer.span(name="nothing") as span:
        span.add_attribute("n", 1)
    return [execution_context.get_current_span() is None, isinstance(tracer, NoopTracer)]


def cleared_context():
    """A context that a program clears between requests."""
    tracer = _tracer()
    tracer.start_span(name="open")
    execution_context.clear()
    execution_context.set_opencensus_tracer(tracer)
    return [execution_context.get_current_span() is None]
