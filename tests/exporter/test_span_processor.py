"""The queue of spans in front of an exporter."""

from __future__ import annotations

import gc

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from appinsights_exporter import ApplicationInsightsSpanExporter, ApplicationInsightsSpanProcessor, counted_spans
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.testing import CONNECTION_STRING, FakeTransport


@pytest.fixture
def provider():
    """A provider without processors, which is shut down."""
    made = TracerProvider(shutdown_on_exit=False)
    yield made
    made.shutdown()


def test_spans_wait_small_and_arrive_whole(provider, monkeypatch):
    """The SDK's spans are free as soon as they have ended; what they say arrives, also where there is no pattern for it."""
    monkeypatch.setattr(counted_spans, "are_counted", lambda: False)
    transport = FakeTransport()
    processor = ApplicationInsightsSpanProcessor(ApplicationInsightsSpanExporter(CONNECTION_STRING, delivery=Delivery(transport)))
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("shop")
    gc.collect()
    before = sum(type(one) is ReadableSpan for one in gc.get_objects())
    with tracer.start_as_current_span("request", attributes={"tenant": "t1"}):
        tracer.start_span("query", attributes={"n": (1, 2)}).end()
        with pytest.raises(KeyError), tracer.start_as_current_span("failed"):
            raise KeyError("a")
    # The one with the exception.
    assert sum(type(one) is ReadableSpan for one in gc.get_objects()) - before == 1
    assert provider.force_flush()
    found = {item["data"]["baseData"].get("name"): item["data"]["baseData"] for item in transport.items}
    assert found["request"]["properties"] == {"tenant": "t1"}
    assert found["query"]["properties"] == {"n": "[1,2]"}
    assert found["failed"]["success"] is False
    assert len(transport.items) == 4


def test_unsampled_spans_are_not_queued():
    """As in the SDK's processor."""
    exporter = InMemorySpanExporter()
    made = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    made.add_span_processor(ApplicationInsightsSpanProcessor(exporter))
    made.get_tracer("shop").start_span("work").end()
    made.shutdown()
    assert exporter.get_finished_spans() == ()


def test_what_standard_metrics_count_is_queued_itself(provider, monkeypatch):
    """They find out by the span itself whether it was counted."""
    monkeypatch.setattr(counted_spans, "are_counted", lambda: True)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(ApplicationInsightsSpanProcessor(exporter))
    provider.get_tracer("shop").start_span("work").end()
    assert provider.force_flush()
    assert [type(span) for span in exporter.get_finished_spans()] == [ReadableSpan]


def test_any_exporter_reads_it(provider):
    """What an exporter of another maker gets has the public names of spans."""
    seen = []

    class Other(InMemorySpanExporter):
        def export(self, spans):
            seen.extend((span.name, dict(span.attributes), span.events, span.status.is_unset, span.to_json()) for span in spans)
            return SpanExportResult.SUCCESS

    provider.add_span_processor(ApplicationInsightsSpanProcessor(Other()))
    provider.get_tracer("shop").start_span("work", attributes={"a": 1}).end()
    assert provider.force_flush()
    (found,) = seen
    assert found[:4] == ("work", {"a": 1}, (), True)
    assert '"name": "work"' in found[4]
