"""Log records with whatever values: no exception leaves the exporter, and other records are unharmed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource

from appinsights_exporter import ApplicationInsightsLogRecordExporter, SampledLogRecordProcessor
from appinsights_exporter import _sdk_logs as sdk
from appinsights_exporter.convert import legacy_logs, logs
from appinsights_exporter.counts import LOGS
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, KEY, START_NS, FakeTransport, log_record
from opencensus_compat.local import schema

KNOWN = sorted(
    {
        *logs._SPECIAL_KEYS,
        *logs._AVAILABILITY,
        *legacy_logs._OWN_KEYS,
        *(key for key, _ in legacy_logs._PROPERTIES),
        *(f"census.{name}" for name in ("trace_id", "span_id", "level", "dimensions", "logger")),
        *("_MS.sampleRate", "enduser.id", "session.id", "client.address", "user_agent.original", "exception.stacktrace", "event.name"),
    }
)


class Unprintable:
    """An object whose text cannot be had."""

    def __str__(self):
        raise RuntimeError


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(alphabet=st.characters(), max_size=20), st.binary(max_size=10)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)), max_leaves=8
)
HARD_VALUES = st.one_of(VALUES, st.builds(Unprintable), st.sets(st.integers(), max_size=2), st.complex_numbers())
ATTRIBUTES = st.one_of(
    st.none(),
    st.dictionaries(st.one_of(st.sampled_from(KNOWN), st.text(max_size=200)), st.one_of(VALUES, st.builds(Unprintable)), max_size=12),
)
HARD_ATTRIBUTES = st.one_of(
    HARD_VALUES,
    st.dictionaries(st.one_of(st.sampled_from(KNOWN), st.text(max_size=10), st.integers(), st.none()), HARD_VALUES, max_size=8),
)
SCOPES = st.sampled_from(["opencensus_compat", "lib", ""])


def deep(levels):
    """Return a list within a list within a list."""
    value = []
    for _ in range(levels):
        value = [value]
    return value


def exported(middle, *, environ=None):
    """Export a record between two good ones; return the counts and the items."""
    transport = FakeTransport()
    exporter = ApplicationInsightsLogRecordExporter(
        settings=resolve(CONNECTION_STRING, environ=environ or {}), delivery=Delivery(transport), legacy_context_tags={"ai.cloud.role": "r"}
    )
    exporter.export([log_record("first"), middle, log_record("last")])
    return exporter.counts.snapshot(LOGS), transport.items


def check(items):
    """Check what must be true of any items: the schema has no fault, and the neighbours are there."""
    for item in items:
        assert item["iKey"] == KEY
        assert all(isinstance(value, str) for value in item["tags"].values())
    assert items[0]["data"]["baseData"]["message"] == "first"
    assert items[-1]["data"]["baseData"]["message"] == "last"


@given(HARD_VALUES, ATTRIBUTES, SCOPES, st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_values(body, attributes, scope, otel):
    """With any body and any attributes a record becomes one item that the schema takes."""
    data = log_record(scope=scope, version="1")
    record = sdk.record_of(data)
    record.body, record.attributes = body, attributes
    counts, items = exported(data, environ={"OPENCENSUS_COMPAT_ENVELOPES": "otel"} if otel else {})
    check(items)
    assert (len(items), counts.sent, counts.dropped) == (3, 3, {})
    verdict = schema.check(items[1], size_bytes=1, now_s=START_NS / 1e9)
    # Facade records keep numbers and bools as they are, as the retired handlers did.
    native = [
        warning for warning in verdict.warnings if warning.text in ("is a boolean; expected a string", "is a number; expected a string")
    ]
    assert (verdict.status, verdict.message, [warning for warning in verdict.warnings if warning not in native]) == (200, "", [])
    assert scope == "opencensus_compat" or not native


@given(HARD_ATTRIBUTES, st.one_of(SCALARS, st.builds(Unprintable)), SCOPES)
@settings(max_examples=300, deadline=None)
def test_records_made_by_hand(attributes, field, scope):
    """Whatever stands in any field of a record: it becomes an item or is counted as lost, and its neighbours arrive."""
    data = log_record(scope=scope, version="1")
    record = sdk.record_of(data)
    record.attributes = attributes
    for name in ("timestamp", "trace_id", "span_id", "severity_number", "severity_text", "event_name"):
        setattr(record, name, field)
    counts, items = exported(data)
    check(items)
    assert counts.sent + sum(counts.dropped.values()) == 3


EXTREME = {
    "deep": lambda: deep(100_000),
    "deep in a mapping": lambda: {"k": deep(500)},
    "lone surrogate": lambda: "\ud800",
    "lone surrogate as a key": lambda: {"\ud800": float("nan")},
    "long number": lambda: 10**5000,
    "megabytes": lambda: "x" * 3_000_000,
}


@pytest.mark.parametrize("body", EXTREME.values(), ids=EXTREME)
def test_extreme_bodies(body):
    """Depth, lone surrogates, numbers without end and megabytes cost no record."""
    data = log_record()
    sdk.record_of(data).body = body()
    counts, items = exported(data)
    check(items)
    assert counts.sent == 3


@given(ATTRIBUTES, st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_sampling_raises_nothing(attributes, rate):
    """The sampling processor, which runs in the program's own calls, takes any attributes."""

    class Sink(sdk.LogRecordProcessor):
        def on_emit(self, log_record):
            pass

    data = log_record(trace_id=0, span_id=0)
    sdk.record_of(data).attributes = attributes
    SampledLogRecordProcessor(Sink(), rate=rate, chance=lambda: 0.0).on_emit(data)
    assert sdk.resource_of(data) == Resource({"service.name": "shop"})
