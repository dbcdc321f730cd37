"""Fixtures of the facade's tests: the bridge reset for each, and a provider that keeps what ends."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import opencensus_compat
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace.base_exporter import Exporter

SETTLED_VARIABLES = (
    "APPINSIGHTS_EXPORTER_STORAGE",
    "APPINSIGHTS_EXPORTER_STORAGE_FOLDER",
    "APPINSIGHTS_INSTRUMENTATIONKEY",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "OPENCENSUS_COMPAT_ONE_TRACE_PER_TRACER",
    "OPENCENSUS_COMPAT_SEND",
    "OPENCENSUS_COMPAT_TAKE_STORED",
)


class Keeping(Exporter):
    """An exporter of the old kind: keeps the lists of SpanData that it is called with."""

    def __init__(self):
        self.lists = []

    def export(self, span_datas):
        """Keep one list."""
        self.lists.append(list(span_datas))

    @property
    def spans(self):
        """All SpanData, in order of arrival."""
        return [span_data for spans in self.lists for span_data in spans]

    @property
    def names(self):
        """Their names."""
        return [span_data.name for span_data in self.spans]


class Provider:
    """An SDK provider, its tracer, and the spans that ended in it."""

    def __init__(self, **options):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("application")

    @property
    def spans(self):
        """Ended spans by name."""
        return {span.name: span for span in self.exporter.get_finished_spans()}

    @property
    def parents(self):
        """Name of each ended span -> name of its parent, None for a root, the span id of a parent that did not end here."""
        spans = self.exporter.get_finished_spans()
        names = {span.context.span_id: span.name for span in spans}
        return {span.name: None if span.parent is None else names.get(span.parent.span_id, span.parent.span_id) for span in spans}

    @property
    def trace_ids(self):
        """The trace ids of ended spans."""
        return {span.context.trace_id for span in self.exporter.get_finished_spans()}


@pytest.fixture
def _unset(monkeypatch):
    for name in SETTLED_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _fresh(_unset, fresh_bridge):
    """Give each test a fresh bridge, which none of the settled variables has a say in."""


@pytest.fixture
def otel():
    """A provider that the facades use, with what ended in it."""
    made = Provider()
    opencensus_compat.configure(tracer_provider=made.provider)
    yield made
    made.provider.shutdown()


@pytest.fixture
def kept():
    """An exporter of the old kind that keeps what it is given."""
    return Keeping()


@pytest.fixture
def endpoint():
    """A running local Application Insights endpoint."""
    with LocalEndpoint() as running:
        yield running
