"""Tests that a service has of its own telemetry, in the style of pytest; they know OpenCensus only. Run by `own_tests.py`."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from unittest import mock

import pytest
import requests
from opencensus.ext.azure import trace_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import base_exporter, execution_context, samplers
from opencensus.trace.span_context import SpanContext
from opencensus.trace.tracer import Tracer
from opencensus.trace.tracers import noop_tracer

CONNECTION_STRING = "InstrumentationKey=fedcba98-89ab-cdef-0123-456789abcdef;IngestionEndpoint=http://127.0.0.1:9"


class InMemory(base_exporter.Exporter):
    """Keeps the spans that it is handed."""

    def __init__(self):
        self.spans = []

    def emit(self, span_datas):
        """Keep them."""
        self.spans.extend(span_datas)

    export = emit


@pytest.fixture(autouse=True)
def clean():
    """Leave no context behind."""
    execution_context.clear()
    yield
    execution_context.clear()


@pytest.fixture
def exporter():
    """An exporter in memory."""
    return InMemory()


@pytest.fixture
def tracer(exporter):
    """A tracer that samples everything."""
    return Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler())


@pytest.mark.parametrize("items", [1, 2, 3])
def test_spans_of_a_loop(tracer, exporter, items):
    with tracer.span("order"):
        for number in range(items):
            with tracer.span(f"item {number}"):
                pass
    assert [span.name for span in exporter.spans] == [*(f"item {number}" for number in range(items)), "order"]
    assert {span.context.trace_id for span in exporter.spans} == {tracer.span_context.trace_id}


def test_attributes(tracer, exporter):
    with tracer.span("order"):
        tracer.add_attribute_to_current_span("customer", "c1")
        tracer.current_span().add_annotation("packed", boxes=2)
    [span] = exporter.spans
    assert span.attributes["customer"] == "c1"
    assert [note.description for note in span.annotations] == ["packed"]


def test_a_replaced_exporter(monkeypatch, exporter):
    monkeypatch.setattr(trace_exporter, "AzureExporter", lambda **options: exporter)
    with Tracer(exporter=trace_exporter.AzureExporter(connection_string="x"), sampler=samplers.AlwaysOnSampler()).span("a"):
        pass
    assert [span.name for span in exporter.spans] == ["a"]


def test_a_replaced_method(monkeypatch):
    taken = []
    monkeypatch.setattr(AzureExporter, "export", lambda self, spans: taken.extend(spans))
    with Tracer(exporter=AzureExporter(connection_string=CONNECTION_STRING), sampler=samplers.AlwaysOnSampler()).span("a"):
        pass
    assert [span.name for span in taken] == ["a"]


def test_a_replaced_method_of_one_exporter(monkeypatch):
    made, taken = AzureExporter(connection_string=CONNECTION_STRING), []
    monkeypatch.setattr(made, "export", taken.extend)
    with Tracer(exporter=made, sampler=samplers.AlwaysOnSampler()).span("a"):
        pass
    assert [span.name for span in taken] == ["a"]


def test_a_replaced_emit(monkeypatch):
    handler = AzureLogHandler(connection_string=CONNECTION_STRING)
    records = []
    monkeypatch.setattr(handler, "emit", records.append)
    logger = logging.getLogger("shop.pytest")
    monkeypatch.setattr(logger, "handlers", [handler])
    logger.warning("sold", extra={"custom_dimensions": {"a": 1}})
    assert [(record.getMessage(), record.custom_dimensions) for record in records] == [("sold", {"a": 1})]


def test_caplog_sees_the_lines(caplog):
    handler = AzureLogHandler(connection_string=CONNECTION_STRING)
    logger = logging.getLogger("shop.caplog")
    logger.addHandler(handler)
    with mock.patch.object(AzureLogHandler, "emit"):
        logger.warning("sold %d", 3)
    logger.removeHandler(handler)
    assert [line for line in caplog.messages if line.startswith("sold")] == ["sold 3"]


def test_a_replaced_post(monkeypatch):
    calls = []

    def post(url, data, **rest):
        calls.append((url, rest["headers"]["Content-Type"]))
        return SimpleNamespace(status_code=200, text="{}", headers={})

    monkeypatch.setattr(requests, "post", post)
    made = AzureExporter(connection_string=CONNECTION_STRING, enable_local_storage=False)
    assert made._transmit([{"name": "a"}]) == 0
    assert ("http://127.0.0.1:9/v2.1/track", "application/json; charset=utf-8") in calls


def test_a_fake_sampler(exporter):
    class Odd(samplers.Sampler):
        def __init__(self):
            self.asked = []

        def should_sample(self, span_context):
            self.asked.append(span_context)
            return len(self.asked) % 2

    sampler = Odd()
    tracers = [Tracer(exporter=exporter, sampler=sampler) for _ in range(3)]
    for number, made in enumerate(tracers):
        with made.span(f"span {number}"):
            pass
    assert [span.name for span in exporter.spans] == ["span 0", "span 2"]
    assert all(asked is made.span_context for asked, made in zip(sampler.asked[::2], tracers[::2]))


def test_a_fake_tracer_class(monkeypatch):
    fake = mock.MagicMock()
    monkeypatch.setattr("opencensus.trace.tracers.context_tracer.ContextTracer", fake)
    made = Tracer(exporter="anything", sampler=samplers.AlwaysOnSampler())
    fake.assert_called_once_with(exporter="anything", span_context=made.span_context)
    assert made.start_span("a") is fake.return_value.start_span.return_value


def test_an_unsampled_trace(exporter):
    made = Tracer(exporter=exporter, sampler=samplers.AlwaysOffSampler())
    assert isinstance(made.tracer, noop_tracer.NoopTracer)
    with made.span("a") as span:
        span.add_attribute("a", 1)
    assert exporter.spans == []


def test_a_context_is_continued(exporter):
    context = SpanContext(trace_id="0af7651916cd43dd8448eb211c80319c", span_id="b7ad6b7169203331")
    with Tracer(span_context=context, exporter=exporter, sampler=samplers.AlwaysOnSampler()).span("a"):
        pass
    assert [(span.context.trace_id, span.parent_span_id) for span in exporter.spans] == [(context.trace_id, "b7ad6b7169203331")]


def test_an_error_inside(tracer, exporter):
    with pytest.raises(KeyError, match="sku"), tracer.span("look up"):
        raise KeyError("sku")
    assert exporter.spans[0].status.message == "'sku'"


@pytest.mark.parametrize(
    "target",
    [
        "opencensus.ext.azure.common.transport.requests",
        "opencensus.ext.azure.common.transport.requests.post",
        "opencensus.ext.azure.common.exporter.Worker",
        "opencensus.ext.azure.common.utils.validate_instrumentation_key",
        "opencensus.ext.azure.log_exporter.AzureLogHandler.emit",
        "opencensus.ext.azure.log_exporter.AzureLogHandler.flush",
        "opencensus.ext.azure.log_exporter.BaseLogHandler._export",
        "opencensus.ext.azure.metrics_exporter.MetricsExporter.export_metrics",
        "opencensus.ext.azure.metrics_exporter.transport.get_exporter_thread",
        "opencensus.ext.azure.metrics_exporter.standard_metrics.producer",
        "opencensus.ext.azure.statsbeat.statsbeat.collect_statsbeat_metrics",
        "opencensus.ext.azure.trace_exporter.atexit.register",
        "opencensus.ext.azure.trace_exporter.LocalFileStorage",
        "opencensus.ext.azure.trace_exporter.Options",
        "opencensus.stats.stats.stats",
        "opencensus.trace.print_exporter.PrintExporter",
        "opencensus.trace.span.utils.to_iso_str",
        "opencensus.trace.tracer.print_exporter.PrintExporter",
        "opencensus.trace.tracer.samplers.ProbabilitySampler",
        "opencensus.trace.tracers.context_tracer.execution_context",
        "opencensus.trace.tracers.context_tracer.trace_span.Span",
    ],
)
def test_what_tests_patch_is_there(target):
    with mock.patch(target) as patched:
        assert isinstance(patched, mock.MagicMock)
