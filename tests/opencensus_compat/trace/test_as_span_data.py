"""Spans as exporters of programs get them: what they hold, what is settled at the end, and what is not made for them."""

from __future__ import annotations

import copy
import pickle
import threading
from pathlib import Path

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider

import opencensus_compat
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.trace import samplers
from opencensus_compat.trace._otel_to_oc import iso_time
from opencensus_compat.trace.base_exporter import Exporter
from opencensus_compat.trace.span import BoundedList
from opencensus_compat.trace.span_data import SpanData
from opencensus_compat.trace.status import Status
from opencensus_compat.trace.tracer import Tracer

ON = samplers.AlwaysOnSampler()


@pytest.fixture
def tracer(kept):
    """A tracer whose exporter keeps SpanData, where nobody else looks at spans."""
    opencensus_compat.configure(tracer_provider=TracerProvider(shutdown_on_exit=False))
    return Tracer(sampler=ON, exporter=kept)


def test_the_sdk_makes_no_span_for_an_exporter_of_the_program(tracer, kept, monkeypatch):
    """The SDK's constructors, half of the cost of a span, are not called for what only an exporter of the program's own gets."""
    made = []
    for kind in (Span, ReadableSpan):
        monkeypatch.setattr(kind, "__init__", lambda *args, **_: made.append(args))
    with tracer.span("outer") as outer:
        outer.add_attribute("key", "value")
        with tracer.span("inner") as inner:
            assert inner.start_time >= outer.start_time
    assert (kept.names, made) == (["inner", "outer"], [])
    assert kept.spans[1].start_time <= kept.spans[0].start_time <= kept.spans[0].end_time <= kept.spans[1].end_time


def test_opentelemetry_code_reads_such_a_span_when_it_has_ended(tracer):
    """OpenTelemetry code that holds the span finds what OpenCensus code has put on it."""
    with tracer.span("work") as span:
        span.add_attribute("key", "value")
        held = trace_api.get_current_span()
        assert (held.name, held.is_recording()) == ("work", True)
    assert (held.name, dict(held.attributes), held.is_recording()) == ("work", {"key": "value"}, False)
    assert held.start_time <= held.end_time
    held.end()


def test_a_name_that_is_no_text(tracer, kept):
    """Exporters of OpenCensus get the object that the program gave; the OpenTelemetry span has its text."""
    name = Path("/stock")
    with tracer.span(name):
        assert trace_api.get_current_span().name == "/stock"
    assert kept.spans[0].name is name


def test_names_that_opentelemetry_code_gives(tracer, kept):
    """A span has the name that either API gave it last."""
    with tracer.span("first"):
        trace_api.get_current_span().update_name("second")
        assert trace_api.get_current_span().name == "second"
        trace_api.get_current_span().set_attribute("added", 1)
        assert trace_api.get_current_span().name == "second"
    assert (kept.names, dict(kept.spans[0].attributes)) == (["second"], {"added": 1})


def test_what_is_settled_at_the_end(tracer, kept):
    """What a program assigns to a span that has ended reaches no exporter; what it changes in place does, as in OpenCensus."""
    with tracer.span("work") as span:
        span.add_attribute("key", "value")
    before = tuple(kept.spans[0])
    span.name, span.status, span.end_time, span.span_id, span.span_kind = (
        "other",
        Status(2, "bad"),
        "2020-01-01T00:00:00.000000Z",
        "0" * 16,
        1,
    )
    span.attributes, span.annotations, span.links, span.message_events = {}, [], [], []
    assert tuple(kept.spans[0]) == before
    kept.spans[0].attributes["later"] = 1
    assert dict(before[4]) == {"key": "value", "later": 1}


def test_the_tuple_that_programs_know(tracer, kept):
    """It is a named tuple with all that named tuples do."""
    with tracer.span("outer"), tracer.span("work"):
        pass
    data, outer = kept.spans
    name, context, span_id, parent_span_id, *rest = data
    assert (name, span_id, parent_span_id) == ("work", data.span_id, outer.span_id)
    assert (data[0], data[-1], len(data), len(rest), rest[-1]) == ("work", 0, 15, 11, 0)
    assert type(data) is SpanData
    assert isinstance(data, tuple)
    assert list(data._asdict()) == list(SpanData._fields)
    assert data._replace(name="other")[1:] == data[1:]
    assert data == SpanData(*data) == SpanData(**data._asdict()) == copy.copy(data)
    assert (context.trace_id, context.span_id, context.trace_options.get_enabled()) == (outer.context.trace_id, outer.span_id, True)
    assert (context.from_header, context.tracestate) == (False, None)
    read = pickle.loads(pickle.dumps(data._replace(context=None, attributes={}, status=None)))
    assert (read.name, read.span_id, list(read.links)) == ("work", data.span_id, [])


def test_a_context_that_is_asked_for_says_more(kept, tracer):
    """SpanData carries what the context of its trace says: where it comes from, its state and its options."""
    context = tracer.span_context
    context.from_header, context.tracestate = True, "state"
    with tracer.span("work"):
        pass
    given = kept.spans[0].context
    assert (given.from_header, given.tracestate) == (True, "state")
    assert given.trace_options is context.trace_options


def test_forwarded_to_an_exporter_of_this_package(endpoint):
    """An exporter of the program's own that hands SpanData on to an AzureExporter has its spans sent, each once, with its rate."""
    opencensus_compat.configure(tracer_provider=TracerProvider(shutdown_on_exit=False))
    azure = AzureExporter(connection_string=endpoint.connection_string, export_interval=3600.0)

    class Forwarding(Exporter):
        def export(self, span_datas):
            azure.export(span_datas)

    tracer = Tracer(sampler=samplers.ProbabilitySampler(0.999999), exporter=Forwarding())
    with tracer.span("work") as span:
        span.add_attribute("key", "value")
    assert opencensus_compat.flush(60.0)
    (envelope,) = endpoint.envelopes()
    assert envelope["data"]["baseData"]["name"] == "work"
    assert envelope["data"]["baseData"]["properties"] == {"key": "value"}
    assert 99 < envelope["sampleRate"] < 100


def test_a_list_that_several_threads_begin():
    """Threads that add the first items of a bounded list at the same time lose none."""
    for _ in range(50):
        bounded = BoundedList(64)
        start = threading.Barrier(4)

        def add(number, bounded=bounded, start=start):
            start.wait()
            bounded.append(number)

        threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(bounded) == [0, 1, 2, 3]


def test_times_before_1970():
    """A time before 1970 is cut off to the microsecond, as any."""
    assert iso_time(-1) == "1969-12-31T23:59:59.999999Z"
    assert iso_time(-1_000_000_000) == "1969-12-31T23:59:59.000000Z"
    assert iso_time(-1_500_000_001) == "1969-12-31T23:59:58.499999Z"
