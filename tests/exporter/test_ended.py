"""What is read of an ended span is what its public properties return, whatever the release of the SDK."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind

from appinsights_exporter.convert.ended import FIELDS, read, reader
from appinsights_exporter.testing import span


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


def test_fields_are_what_the_properties_return(made_by_tracers):
    """Each field is equal to the property of its name, as far as that is read: of lists whether there is anything."""
    for one in made_by_tracers:
        found = dict(zip(FIELDS, read(one), strict=True))
        assert [bool(found.pop(name)) for name in ("events", "links")] == [bool(one.events), bool(one.links)]
        assert found.pop("attributes").copy() == dict(one.attributes)
        assert found == {name: getattr(one, name) for name in found}


def test_the_private_names_are_read():
    """The installed release has them: no property is called."""
    made = span()
    assert reader(ReadableSpan)(made) == tuple(getattr(made, f"_{name}") for name in FIELDS)


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
    assert reader(release)(made) == tuple(getattr(made, name) for name in FIELDS)


def test_other_classes_are_read_by_their_properties():
    """A subclass may have overridden any of them."""

    class Named(ReadableSpan):
        @property
        def name(self):
            return "mine"

    assert read(Named(name="work"))[FIELDS.index("name")] == "mine"
