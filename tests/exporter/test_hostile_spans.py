"""Spans with whatever values: no exception leaves the exporter, and other spans are unharmed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from appinsights_exporter import ApplicationInsightsSpanExporter
from appinsights_exporter.convert import http, peers
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, KEY, START_NS, FakeTransport, span

KNOWN = sorted(
    {
        *http.URL_PARTS,
        *peers.PEER_KEYS,
        *(
            f"http.{name}"
            for name in ("method", "request.method", "route", "path", "url", "status_code", "response.status_code", "user_agent")
        ),
        *(f"db.{name}" for name in ("system", "system.name", "statement", "query.text", "operation", "name", "namespace")),
        *(f"messaging.{name}" for name in ("system", "destination", "destination.name", "source.name")),
        *(f"rpc.{name}" for name in ("system", "system.name", "service", "method", "grpc.status_code", "response.status_code")),
        *(f"census.{name}" for name in ("status_code", "span_id", "parent_span_id")),
        *("az.namespace", "message_bus.destination", "peer.address", "gen_ai.system", "gen_ai.provider.name", "url.full", "client.address"),
        *("enduser.id", "enduser.pseudo.id", "session.id", "user_agent.original", "user_agent.synthetic.type"),
        *("ai.operation.name", "ai.span.id"),
        *("microsoft.custom_measurements", "_MS.sampleRate", "component", "error.message", "error.name", "stacktrace"),
    }
)


class Unprintable:
    """An object whose text cannot be had."""

    def __str__(self):
        raise RuntimeError


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(alphabet=st.characters(), max_size=20),
    st.binary(max_size=10),
    st.sampled_from(["http://u:p@h:99999/p?q#f", "http://h:abc", "//", "[::1", "200", "kafka", "GET", "https"]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.tuples(SCALARS), st.dictionaries(st.text(max_size=5), SCALARS, max_size=3))
HARD_VALUES = st.one_of(VALUES, st.builds(Unprintable), st.sets(st.integers(), max_size=2), st.complex_numbers())
ATTRIBUTES = st.dictionaries(st.one_of(st.sampled_from(KNOWN), st.text(max_size=200)), VALUES, max_size=12)
HARD_ATTRIBUTES = st.dictionaries(
    st.one_of(st.sampled_from(KNOWN), st.text(max_size=10), st.integers(), st.none()), HARD_VALUES, max_size=8
)
KINDS = st.sampled_from(list(SpanKind))
SCOPES = st.sampled_from(["opencensus_compat", "my.tracer"])


def exported(middle, *, environ=None):
    """Export a span between two good ones; return the counts, the exporter's items and how the good ones arrived."""
    transport = FakeTransport()
    exporter = ApplicationInsightsSpanExporter(
        settings=resolve(CONNECTION_STRING, environ=environ or {}), delivery=Delivery(transport), legacy_context_tags={"ai.cloud.role": "r"}
    )
    exporter.export([span("first"), middle, span("last")])
    good = [item["data"]["baseData"].get("name") for item in transport.items if item["data"]["baseData"].get("type") == "InProc"]
    return exporter.counts.snapshot(), transport.items, good


def check(items):
    """Check what must be true of any item."""
    for item in items:
        assert item["iKey"] == KEY
        assert all(isinstance(value, str) for value in item["tags"].values())
        fields = item["data"]["baseData"]
        for name in ("name", "url", "data", "target", "type", "resultCode", "responseCode", "source", "id", "message"):
            assert isinstance(fields.get(name, ""), str)
        assert isinstance(fields.get("success", True), bool)


@given(ATTRIBUTES, ATTRIBUTES, KINDS, SCOPES, st.sampled_from(list(StatusCode)), st.sampled_from(["legacy", "otel"]))
@settings(max_examples=400, deadline=None)
def test_attributes_that_the_sdk_lets_through(attributes, event_attributes, kind, scope, status, shape):
    """No value that a span can hold loses anything."""
    middle = ReadableSpan(
        "middle",
        SpanContext(1, 2, is_remote=False),
        parent=SpanContext(1, 3, is_remote=True),
        resource=Resource({"service.name": "shop"}),
        attributes=attributes,
        events=[Event("exception", event_attributes, START_NS), Event("x", event_attributes, START_NS)],
        links=[Link(SpanContext(1, 2, is_remote=True), event_attributes)],
        kind=kind,
        status=Status(status, "why" if status is StatusCode.ERROR else None),
        start_time=START_NS,
        end_time=START_NS + 5,
        instrumentation_scope=InstrumentationScope(scope),
    )
    counts, items, good = exported(middle, environ={"OPENCENSUS_COMPAT_ENVELOPES": shape})
    assert (good[0], good[-1]) == ("first", "last")
    assert counts.dropped == {}
    check(items)


@pytest.mark.filterwarnings("ignore")
@given(HARD_ATTRIBUTES, KINDS, SCOPES, st.one_of(st.none(), st.integers()), st.one_of(st.none(), st.integers(), st.text(max_size=3)))
@settings(max_examples=300, deadline=None)
def test_spans_made_by_hand(attributes, kind, scope, start_ns, name):
    """Whatever a span made by hand holds, the others arrive, and it arrives too or is counted once."""
    middle = ReadableSpan(
        name,
        SpanContext(1, 2, is_remote=False),
        attributes=attributes,
        kind=kind,
        start_time=start_ns,
        instrumentation_scope=InstrumentationScope(scope),
    )
    counts, items, good = exported(middle)
    assert (good[0], good[-1]) == ("first", "last")
    assert counts.sent + sum(counts.dropped.values()) in (3, 4)
    check(items)
