"""Traces that cross processes, and samplers."""

from __future__ import annotations

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler, ProbabilitySampler
from opencensus.trace.span import SpanKind
from opencensus.trace.span_context import SpanContext
from opencensus.trace.trace_options import TraceOptions
from opencensus.trace.tracer import Tracer
from opencensus.trace.tracers.context_tracer import ContextTracer

HIGH = "ffffffffffffffffffffffffffffffff"
LOW = "11111111111111110000000000000001"
PARENT = "2222222222222222"


def _serve(headers, sampler, name="request"):
    tracer = Tracer(
        span_context=TraceContextPropagator().from_headers(headers),
        sampler=sampler,
        exporter=AzureExporter(),
        propagator=TraceContextPropagator(),
    )
    with tracer.span(name=name) as span:
        span.span_kind = SpanKind.SERVER
        span.add_attribute("http.method", "GET")
        with tracer.span(name="call") as call:
            call.span_kind = SpanKind.CLIENT
            call.add_attribute("component", "HTTP")
            return tracer.propagator.to_headers(tracer.span_context)


def _header(trace_id, flags):
    return {"traceparent": f"00-{trace_id}-{PARENT}-{flags}"}


def sampled_remote_parents():
    """A sampled remote parent is continued whatever the sampler says, except by the sampler that is always off."""
    for sampler in (AlwaysOnSampler(), ProbabilitySampler(1.0), ProbabilitySampler(0.0)):
        _serve(_header(HIGH, "01"), sampler)


def sampled_remote_parent_and_off():
    """A sampled remote parent, and the sampler that is always off."""
    _serve(_header(HIGH, "01"), AlwaysOffSampler())


def unsampled_remote_parents():
    """An unsampled remote parent leaves the decision to the sampler."""
    _serve(_header(HIGH, "00"), AlwaysOnSampler())
    _serve(_header(HIGH, "00"), ProbabilitySampler(1.0))
    _serve(_header(HIGH, "00"), ProbabilitySampler(0.0))
    _serve(_header(HIGH, "00"), AlwaysOffSampler())


def headers_of_a_call():
    """The headers that a call inside a continued trace sends on."""
    return _serve(_header(LOW, "01"), AlwaysOnSampler())


def tracestate():
    """Trace state is passed on."""
    return _serve({**_header(LOW, "01"), "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}, AlwaysOnSampler())


def broken_headers():
    """Headers that cannot be read start a new trace."""
    _serve({"traceparent": "00-nonsense-01"}, AlwaysOnSampler())


def no_headers():
    """No headers start a new trace."""
    _serve({}, AlwaysOnSampler())


def one_in_four():
    """A rate of 0.25: the trace id decides, and what is kept stands for four."""
    for trace_id in (LOW, HIGH):
        tracer = Tracer(span_context=SpanContext(trace_id=trace_id), sampler=ProbabilitySampler(0.25), exporter=AzureExporter())
        with tracer.span(name="root"), tracer.span(name="part"):
            pass


def one_in_four_continued():
    """A rate of 0.25 and a remote parent that is sampled already, at a rate that it does not tell."""
    context = SpanContext(trace_id=HIGH, span_id=PARENT, trace_options=TraceOptions("1"))
    tracer = Tracer(span_context=context, sampler=ProbabilitySampler(0.25), exporter=AzureExporter())
    with tracer.span(name="root"):
        pass


def context_in_headers():
    """`tracer.span_context` as programs send it on, in and outside spans."""
    tracer = Tracer(sampler=AlwaysOnSampler(), exporter=AzureExporter())
    seen = []
    with tracer.span(name="outer") as outer:
        seen.append(tracer.span_context.span_id == outer.span_id)
        seen.append(tracer.span_context.trace_id == outer.context_tracer.trace_id)
        with tracer.span(name="inner") as inner:
            seen.append(tracer.propagator.to_headers(tracer.span_context)["traceparent"][36:52] == inner.span_id)
        seen.append(tracer.span_context.span_id == outer.span_id)
        seen.append(tracer.span_context.trace_options.get_enabled())
    return seen


def context_of_an_unsampled_span():
    """`tracer.span_context` in a span that is not sampled."""
    tracer = Tracer(sampler=AlwaysOffSampler(), exporter=AzureExporter())
    with tracer.span(name="outer"):
        headers = tracer.propagator.to_headers(tracer.span_context)
        return [headers["traceparent"], tracer.span_context.trace_options.get_enabled()]


def context_outside_spans():
    """`tracer.span_context` before and after a span of a remote trace."""
    context = SpanContext(trace_id=LOW, span_id=PARENT, trace_options=TraceOptions("1"))
    tracer = Tracer(span_context=context, sampler=AlwaysOnSampler(), exporter=AzureExporter())
    before = tracer.propagator.to_headers(tracer.span_context)
    with tracer.span(name="request"):
        pass
    return [before, tracer.propagator.to_headers(tracer.span_context)]


def context_that_a_tracer_was_given():
    """The object that `from_headers` returned and a tracer was given, written into headers before, in and after its spans."""
    headers = []
    for received in (_header(LOW, "01"), {}):
        propagator = TraceContextPropagator()
        context = propagator.from_headers(received)
        tracer = Tracer(span_context=context, sampler=AlwaysOnSampler(), exporter=AzureExporter(), propagator=propagator)
        with tracer.span(name="request"):
            headers.append(propagator.to_headers(context))
            with tracer.span(name="call"):
                headers.append(propagator.to_headers(context))
            headers.append(propagator.to_headers(context))
        headers.append(context.span_id)
    return headers


def context_of_a_spans_tracer():
    """The context of the tracer of a span, as integrations of other libraries write it into headers; with and without one given."""
    headers = []
    for context in (None, TraceContextPropagator().from_headers(_header(LOW, "01"))):
        tracer = Tracer(span_context=context, sampler=AlwaysOnSampler(), exporter=AzureExporter())
        with tracer.span(name="request") as request:
            headers.append(TraceContextPropagator().to_headers(request.context_tracer.span_context))
            with tracer.span(name="call") as call:
                headers.append(TraceContextPropagator().to_headers(call.context_tracer.span_context))
                headers.append(call.context_tracer.root_span_id)
            headers.append(TraceContextPropagator().to_headers(tracer.tracer.span_context))
    return headers


def tracer_of_contexts():
    """A ContextTracer by itself, with a context given."""
    context = TraceContextPropagator().from_headers(_header(LOW, "01"))
    tracer = ContextTracer(exporter=AzureExporter(), span_context=context)
    with tracer.span(name="request"):
        inside = [TraceContextPropagator().to_headers(context), tracer.root_span_id, tracer.trace_id]
    return [*inside, context.span_id]


def ids_assigned():
    """Ids that a middleware assigns to the context of one tracer for all requests, and the tracer's exporter."""
    Tracer(sampler=AlwaysOnSampler(), exporter=AzureExporter())
    for trace_id, span_id in ((LOW, PARENT), (HIGH, "3333333333333333")):
        tracer = execution_context.get_opencensus_tracer()
        tracer.span_context.trace_id = trace_id
        tracer.span_context.span_id = span_id
        tracer.exporter = AzureExporter()
        with tracer.span(name="request"), tracer.span(name="part"):
            pass


def ids_assigned_without_a_tracer():
    """The same where no tracer was made."""
    tracer = execution_context.get_opencensus_tracer()
    tracer.span_context.trace_id = LOW
    tracer.span_context.span_id = PARENT
    tracer.exporter = exporter = AzureExporter()
    with tracer.span(name="request") as span:
        span.add_attribute("n", 1)
    return [tracer.exporter is exporter, tracer.span_context.trace_id]


def context_assigned():
    """A context that is assigned to a tracer."""
    tracer = Tracer(sampler=AlwaysOnSampler(), exporter=AzureExporter())
    tracer.span_context = SpanContext(trace_id=LOW, span_id=PARENT)
    with tracer.span(name="request"):
        pass
