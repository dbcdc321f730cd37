"""What is this package's own is told by its class: wrappers and mocks, which answer to any name, are called as a program's own objects."""

from __future__ import annotations

import logging
import threading
from unittest import mock

import pytest

import opencensus_compat
from opencensus_compat._bridge import handles as _handles
from opencensus_compat.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.metrics import transport
from opencensus_compat.metrics.export.gauge import LongGauge, Registry
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.span_data import SpanData
from opencensus_compat.trace.tracer import Tracer

ON = samplers.AlwaysOnSampler()


class Delegating:
    """Answers to whatever the object that it stands around answers to."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Proxy(Delegating):
    """A transparent one, which shows the class of what it stands around as its own."""

    @property
    def __class__(self):
        return type(self.inner)


IMITATIONS = {
    "delegate": Delegating,
    "proxy": Proxy,
    "mock": lambda inner: mock.Mock(wraps=inner),
    "magic-mock": lambda inner: mock.MagicMock(wraps=inner),
    "specified": lambda inner: mock.Mock(spec=inner),
    "autospec": lambda inner: mock.create_autospec(inner, instance=True),
    "autospec-of-class": lambda inner: mock.create_autospec(type(inner), instance=True),
}
"""Objects that answer as others do."""

imitations = pytest.mark.parametrize("imitate", IMITATIONS.values(), ids=IMITATIONS)


@pytest.fixture
def options(endpoint, otel):
    """Options of an exporter that sends to the local endpoint when it is flushed."""
    return {"connection_string": endpoint.connection_string, "export_interval": 3600.0}


def _names(endpoint):
    assert opencensus_compat.flush(60.0)
    return [envelope["data"]["baseData"].get("name") for envelope in endpoint.envelopes()]


# --- What counts as own


def _without_handle(self):
    """Leave out the constructor of the class above."""


@pytest.mark.parametrize("kind", [AzureExporter, AzureLogHandler, AzureEventHandler, MetricsExporter])
@imitations
def test_an_imitation_is_no_handle(kind, imitate, options):
    """Neither a wrapper nor a mock of a handle is one; a subclass is, with a constructor of its own or without."""
    handle = kind(**options)
    own = type("Own", (kind,), {})(**options)
    bare = type("Bare", (kind,), {"__init__": _without_handle})()
    assert [_handles.is_own(each, _handles.Handle) for each in (handle, own, bare, imitate(handle))] == [True, True, True, False]


@imitations
def test_an_imitation_has_no_pipeline(imitate, options):
    """Nothing that an imitation answers is taken for a pipeline of its own."""
    handle = AzureExporter(**options)
    assert _handles.span_part_of(handle) is _handles.pipeline_of(handle) is not None
    assert (_handles.span_part_of(imitate(handle)), _handles.pipeline_of(imitate(handle))) == (None, None)


# --- Exporters


@imitations
def test_an_imitated_exporter_is_called_with_spans(imitate, options):
    """It is called with the list of SpanData, on the thread that ended the span, before that goes on."""
    taken = []
    exporter = imitate(AzureExporter(**options))
    exporter.export = lambda spans: taken.append((threading.current_thread(), [type(each) for each in spans], spans[0].name))
    with Tracer(sampler=ON, exporter=exporter).span("work"):
        pass
    assert taken == [(threading.current_thread(), [SpanData], "work")]


@pytest.mark.parametrize("outer", [Delegating, Proxy])
def test_an_exporter_around_another_filters(outer, options, endpoint):
    """What it hands on to the AzureExporter inside arrives, as it hands it on; the rest does not."""

    class Filter(outer):
        def export(self, spans):
            self.inner.export([each._replace(name=f"shop {each.name}") for each in spans if each.name != "health"])

    tracer = Tracer(sampler=ON, exporter=Filter(AzureExporter(**options)))
    for name in ("health", "order"):
        with tracer.span(name):
            pass
    assert _names(endpoint) == ["shop order"]


def test_an_exporter_around_a_changed_one(options, endpoint):
    """The one inside applies its own telemetry processors and conversion."""

    class Inner(AzureExporter):
        def span_data_to_envelope(self, sd):
            for envelope in super().span_data_to_envelope(sd):
                envelope.data.baseData.name += " converted"
                yield envelope

    class Outer(Delegating):
        def export(self, spans):
            self.inner.export(spans)

    outer = Outer(Inner(**options))
    outer.add_telemetry_processor(lambda envelope: not envelope.data.baseData.name.startswith("health"))
    tracer = Tracer(sampler=ON, exporter=outer)
    for name in ("health", "order"):
        with tracer.span(name):
            pass
    assert _names(endpoint) == ["order converted"]


# --- Metrics


class Kept:
    """Keeps the names of the metrics it is handed, and hands them on."""

    def __init__(self, inner):
        self.inner = inner
        self.names = []
        self.called = threading.Event()

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def export_metrics(self, metrics):
        """Export those that are not secret."""
        metrics = list(metrics)
        self.names += [metric.descriptor.name for metric in metrics]
        self.inner.export_metrics([metric for metric in metrics if metric.descriptor.name != "secret"])
        self.called.set()


def test_an_exporter_around_a_metrics_exporter_filters(options, endpoint):
    """Its own `export_metrics` is called by its thread, and what it hands on arrives."""
    registry = Registry()
    for name in ("queue", "secret"):
        gauge = LongGauge(name, "", "1", [])
        gauge.get_or_create_default_time_series().set(5)
        registry.add_gauge(gauge)
    outer = Kept(MetricsExporter(**options))
    thread = transport.get_exporter_thread([registry], outer, interval=0.01)
    assert outer.called.wait(60.0)
    thread.cancel()
    assert {*outer.names} == {"queue", "secret"}
    assert {point["name"] for envelope in endpoint.envelopes() for point in envelope["data"]["baseData"]["metrics"]} == {"queue"}


# --- Handlers


def test_a_handler_around_another_filters(options, endpoint):
    """A handler of a program's own hands on what it likes."""

    class Outer(logging.Handler):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def emit(self, record):
            if "password" not in record.getMessage():
                self.inner.handle(record)

    logger = logging.getLogger(__name__)
    outer = Outer(AzureLogHandler(**options))
    logger.addHandler(outer)
    for line in ("password 1234", "ordered"):
        logger.warning(line)
    logger.removeHandler(outer)
    assert opencensus_compat.flush(60.0)
    assert [envelope["data"]["baseData"]["message"] for envelope in endpoint.envelopes()] == ["ordered"]


# --- Spans


@imitations
def test_an_imitated_span_is_current(imitate, kept, otel):
    """It is what `get_current_span` returns, the spans inside are children of the span that it shows, and the outer ones end properly."""
    tracer = Tracer(sampler=ON, exporter=kept)
    with tracer.span("outer") as outer:
        imitation = imitate(outer)
        execution_context.set_current_span(imitation)
        assert execution_context.get_current_span() is imitation
        with tracer.span("inner"):
            pass
    assert execution_context.get_current_span() is None
    assert otel.parents == {"inner": "outer", "outer": None}


def test_an_imitated_span_by_its_ids(kept, otel):
    """Where it is not the current span that a wrapper stands for, spans inside belong to the trace and span whose ids it shows."""
    tracer = Tracer(sampler=ON, exporter=kept)
    with tracer.span("outer") as outer:
        pass
    execution_context.set_current_span(Delegating(outer))
    with tracer.span("later"):
        pass
    execution_context.set_current_span(None)
    assert otel.parents == {"outer": None, "later": "outer"}
    assert len(otel.trace_ids) == 1


def test_a_mock_as_current_span_is_not_entered_for_ever(kept, otel):
    """Ending a span below it terminates, though each name that a mock is asked for gives another mock."""
    tracer = Tracer(sampler=ON, exporter=kept)
    outer = tracer.start_span("outer")
    for _ in range(3):
        execution_context.set_current_span(mock.MagicMock())
    with outer:
        pass
    assert execution_context.get_current_span() is None
    assert [each.name for each in kept.spans] == ["outer"]
