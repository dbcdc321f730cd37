"""How spans are made, changed and ended, and what hangs below what."""

from __future__ import annotations

import datetime

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.link import Link, Type
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import Span, SpanKind
from opencensus.trace.stack_trace import StackTrace
from opencensus.trace.status import Status
from opencensus.trace.time_event import MessageEvent
from opencensus.trace.tracer import Tracer

TRACE_ID = "11111111111111111111111111111111"
SPAN_ID = "2222222222222222"


def _tracer():
    return Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def nesting():
    """Spans in spans, and siblings."""
    tracer = _tracer()
    with tracer.span(name="a"):
        with tracer.span(name="b"), tracer.span(name="c"):
            pass
        with tracer.span(name="d"):
            pass


def started_and_ended_by_hand():
    """`start_span` and `end_span`, and attributes of the current span."""
    tracer = _tracer()
    tracer.start_span(name="a")
    tracer.add_attribute_to_current_span("where", "a")
    tracer.start_span(name="b")
    execution_context.get_current_span().add_attribute("where", "b")
    tracer.end_span()
    tracer.end_span()


def links():
    """Links of each type."""
    tracer = _tracer()
    with tracer.span(name="linked") as span:
        span.add_link(Link(trace_id=TRACE_ID, span_id=SPAN_ID))
        span.add_link(Link(trace_id=TRACE_ID, span_id="3333333333333333", type=Type.PARENT_LINKED_SPAN, attributes={"why": "retry"}))


def links_to_other_ids():
    """A link to something that is no span of OpenCensus."""
    with _tracer().span(name="linked") as span:
        span.add_link(Link(trace_id=TRACE_ID, span_id=SPAN_ID))
        span.add_link(Link(trace_id="order-7", span_id="line-1"))


def changed_after_the_end():
    """An attribute that is added to a span after its end, and before the batch is sent."""
    with _tracer().span(name="ended") as span:
        span.add_attribute("early", 1)
    span.add_attribute("late", 2)


def events():
    """Annotations, message events and stack traces, which the old exporter did not send."""
    tracer = _tracer()
    with tracer.span(name="eventful") as span:
        span.add_annotation("packed", station=4)
        span.add_message_event(MessageEvent(datetime.datetime.now(datetime.timezone.utc), 7, type=1, uncompressed_size_bytes=9))
        span.stack_trace = StackTrace()


def children_by_hand():
    """Children made from a span, which end with it."""
    tracer = _tracer()
    with tracer.span(name="parent") as span:
        child = span.span(name="child")
        child.start()
        child.add_attribute("n", 1)
        grandchild = child.span(name="grandchild")
        grandchild.start()
        grandchild.finish()
        child.finish()


def changed_while_running():
    """Everything that may be set on a span that runs."""
    tracer = _tracer()
    with tracer.span(name="first name") as span:
        span.name = "second name"
        span.span_kind = SpanKind.CLIENT
        span.add_attribute("component", "HTTP")
        span.status = Status(5, "not found")
        span.links = [Link(trace_id=TRACE_ID, span_id=SPAN_ID)]
        span.stack_trace = StackTrace()
        with tracer.span(name="inner"):
            pass
        span.attributes = {"component": "gRPC", "replaced": True}


def ids_of_its_own():
    """A span id that the program assigns, and one that is no OpenCensus id."""
    tracer = _tracer()
    with tracer.span(name="outer") as outer:
        outer.span_id = SPAN_ID
        with tracer.span(name="inner") as inner:
            inner.span_id = "|4444.5555."


def start_of_its_own():
    """A start time that the program assigns, one hour ago."""
    tracer = _tracer()
    with tracer.span(name="long") as span:
        moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        span.start_time = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def finish_with_open_spans():
    """`finish` ends what is open, innermost first."""
    tracer = _tracer()
    tracer.start_span(name="a")
    tracer.start_span(name="b")
    tracer.start_span(name="c")
    tracer.finish()


def span_without_tracer():
    """A span that no tracer made is sent by nobody."""
    _tracer()
    with Span("alone") as span:
        span.add_attribute("n", 1)


def leaked_inner_span():
    """A span that is still open when the `with` block around it ends, and a root after that."""
    tracer = _tracer()
    with tracer.span(name="outer"):
        tracer.start_span(name="leaked")
    with tracer.span(name="next"):
        pass


def roots_of_one_tracer():
    """Several roots of one tracer."""
    tracer = _tracer()
    for name in ("first", "second"):
        with tracer.span(name=name), tracer.span(name="part of " + name):
            pass


def tracer_for_each_request():
    """A tracer and an exporter for each request."""
    for name in ("first", "second", "third"):
        tracer = _tracer()
        with tracer.span(name=name), tracer.span(name="part of " + name):
            pass
        tracer.finish()


def tracer_inside_a_span():
    """A tracer made while another one's span is current."""
    outer = _tracer()
    with outer.span(name="outer"):
        inner = _tracer()
        with inner.span(name="inner"):
            pass


def decorated():
    """A decorated function, which keeps its name."""
    tracer = _tracer()

    @tracer.trace_decorator()
    def reserve(sku):
        """Return the argument."""
        return sku

    return [reserve("A1"), reserve.__name__]


def current_span():
    """What is current before, in, and after a span."""
    tracer = _tracer()
    seen = [tracer.current_span() is None]
    with tracer.span(name="a") as span:
        seen.append(tracer.current_span() is span)
        seen.append(execution_context.get_opencensus_tracer() is tracer)
        seen.append(span.context_tracer is tracer.tracer)
    seen.append(tracer.current_span() is None)
    return seen
