"""What is read of an ended span is what its public properties return, whatever the release of the SDK."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind

from appinsights_exporter.convert.ended import FIELDS, ids, reader, rows
from appinsights_exporter.span_processor import CompactSpan, compact


@pytest.fixture
def made_by_tracers():
    """Spans as the SDK's tracers make them: with all that a span may have, and with nothing."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("shop")
    with tracer.start_as_current_span(
        "full", kind=SpanKind.SERVER, attributes={"a": 1}, links=[Link(SpanContext(1, 2, is_remote=True))]
    ) as full:
        full.add_event("said")
        tracer.start_span("empty").end()
    return exporter.get_finished_spans()


def public(one):
    """Return what the public properties of a span say, by field."""
    found = {name: getattr(one, name) for name in FIELDS if not name.startswith("status_")}
    return {**found, "status_code": one.status.status_code, "status_description": one.status.description}


def read(one, by=None):
    """Return the fields of one span, with lists and attributes in the form of the public properties."""
    found = dict(zip(FIELDS, rows([one])[0] if by is None else by(one), strict=True))
    return {**found, "events": tuple(found["events"]), "links": tuple(found["links"])}


def test_fields_are_what_the_properties_return(made_by_tracers):
    """Each field is equal to the property of its name."""
    for one in made_by_tracers:
        assert read(one) == public(one)


def test_the_private_names_are_read(made_by_tracers):
    """The installed release has them: no property is called."""
    for one in made_by_tracers:
        assert reader(ReadableSpan)(one)[FIELDS.index("attributes")] is one._attributes._dict


def test_a_span_made_by_hand_is_read():
    """Its lists and attributes are no containers of the SDK's."""
    for attributes in ({"a": 1}, None):
        made = ReadableSpan("work", attributes=attributes)
        assert read(made) == public(made)


def _renamed(self):
    return self.given


class _WithoutField(ReadableSpan):
    """What a release might be that keeps the parent under another name."""

    def __init__(self, parent=None, **options):
        super().__init__(**options)
        del self._parent
        self.given = parent

    parent = property(_renamed)


class _WithOtherMeaning(ReadableSpan):
    """What a release might be whose private times are microseconds."""

    @property
    def start_time(self):
        return self._start_time * 1000


@pytest.mark.parametrize("release", [_WithoutField, _WithOtherMeaning])
def test_without_a_private_name_the_public_ones_are_read(release):
    """Where a private name is gone, or means something else, each property is called."""
    made = release(name="work", attributes=MappingProxyType({"a": 1}), start_time=5)
    assert read(made, reader(release)) == public(made)


def test_other_classes_are_read_by_their_properties():
    """A subclass may have overridden any of them."""

    class Named(ReadableSpan):
        @property
        def name(self):
            return "mine"

    assert read(Named(name="work"))["name"] == "mine"


def test_ids_without_tuples(monkeypatch):
    """Ids and trace states of contexts are the same where a release's contexts are no tuples."""
    contexts = [SpanContext(1, 2, is_remote=True), SpanContext(3, 4, is_remote=False)]
    found = [list(column) for column in ids(contexts)]
    monkeypatch.setattr("appinsights_exporter.convert.ended._are_tuples", False)
    assert [list(column) for column in ids(contexts)] == found == [[1, 3], [2, 4], [contexts[0].trace_state, contexts[1].trace_state]]


def test_a_compact_span_says_what_the_span_said(made_by_tracers):
    """All public names of a span have the same values on what stands for it in the queue; one with events or links stands for itself."""
    empty, full = made_by_tracers
    small = compact(empty)
    assert (type(small), compact(full)) == (CompactSpan, full)
    for name in (name for name in dir(ReadableSpan) if not name.startswith("_") and name != "instrumentation_info"):
        said, expected = getattr(small, name), getattr(empty, name)
        assert (said(), True) == (expected(), True) if callable(expected) else said == expected
    assert rows([small])[0] == tuple(read(empty).values())


def test_spans_made_by_hand_are_queued_as_they_are():
    """Other containers of attributes than the SDK's may be anything, and so may other classes."""

    class Own(ReadableSpan):
        pass

    for made in (ReadableSpan("work"), ReadableSpan("work", attributes={"a": 1}), Own("work")):
        assert compact(made) is made
