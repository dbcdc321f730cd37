"""Telemetry processors and spans that bring their own items: whatever they do, other items arrive and each is accounted for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appinsights_exporter import ApplicationInsightsSpanExporter
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, FakeTransport, span

pytestmark = [pytest.mark.usefixtures("caplog"), pytest.mark.filterwarnings("ignore")]


class Hostile:
    """An object that raises whatever it is asked."""

    def __str__(self):
        raise RuntimeError

    def __repr__(self):
        raise RuntimeError

    def __bool__(self):
        raise RuntimeError

    def __eq__(self, other):
        raise RuntimeError

    __hash__ = object.__hash__


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(alphabet=st.characters(), max_size=10),
    st.binary(max_size=5),
    st.complex_numbers(),
    st.builds(Hostile),
    st.just("x" * 70_000),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(SCALARS, inner, max_size=3), max_leaves=6
)
FIELDS = st.sampled_from(["ver", "name", "time", "sampleRate", "seq", "iKey", "flags", "tags", "data", "unknown"])
DATA_FIELDS = st.sampled_from(["ver", "id", "name", "duration", "success", "properties", "measurements", "url", "unknown"])


def exported(processor, *spans):
    """Export good spans around the given ones; return the counts and the items that arrived."""
    transport = FakeTransport()
    exporter = ApplicationInsightsSpanExporter(settings=resolve(CONNECTION_STRING, environ={}), delivery=Delivery(transport))
    if processor is not None:
        exporter.add_telemetry_processor(processor)
    exporter.export([span("first"), *spans, span("last")])
    return exporter.counts.snapshot(), transport.items


def check(counts, items, offered):
    """Check that every item arrived, was filtered, or was dropped and counted."""
    assert counts.sent == len(items)
    assert counts.sent + counts.filtered + sum(counts.dropped.values()) == offered
    json.dumps(items, allow_nan=False)


@given(VALUES)
@settings(deadline=None)
def test_processors_that_return_anything(value):
    """Only the value False drops an item."""
    counts, items = exported(lambda _: value)
    check(counts, items, 2)
    assert counts.filtered == (2 if value is False else 0)


@given(FIELDS, DATA_FIELDS, VALUES, st.booleans())
@settings(max_examples=200, deadline=None)
def test_processors_that_write_anything(field, data_field, value, deep):
    """Whatever a processor writes into one envelope, the items of others arrive as they were."""

    def processor(envelope):
        if envelope.data.baseData.name == "middle":
            if deep:
                envelope.data.baseData[data_field] = value
            else:
                envelope[field] = value

    counts, items = exported(processor, span("middle"))
    check(counts, items, 3)
    names = [items[at]["data"]["baseData"]["name"] for at in (0, -1)]
    assert names == ["first", "last"]


@given(st.sampled_from([ValueError, KeyError, RecursionError, StopIteration, MemoryError]))
def test_processors_that_raise(error):
    """A processor that raises changes nothing."""

    def processor(envelope):
        raise error

    counts, items = exported(processor)
    check(counts, items, 2)
    assert counts.sent == 2


@given(st.lists(st.one_of(VALUES, st.dictionaries(FIELDS, VALUES, max_size=4)), max_size=3))
@settings(max_examples=200, deadline=None)
def test_spans_that_bring_anything(brought):
    """Whatever items a span brings, those of others arrive, and nothing is lost uncounted."""

    class Own:
        def to_envelopes(self):
            return brought

    counts, items = exported(None, Own())
    names = [item["data"]["baseData"].get("name") for item in (items[0], items[-1])]
    assert names == ["first", "last"]
    # A thing that is no mapping ends what its span brings: it counts as one.
    assert 2 <= counts.sent + sum(counts.dropped.values()) <= 2 + len(brought)
    assert counts.sent == len(items)
