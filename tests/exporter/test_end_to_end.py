"""Spans over real HTTP to the local endpoint, which checks every item against the schema on its own."""

from __future__ import annotations

import time

import pytest
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from appinsights_exporter import ApplicationInsightsSpanExporter, CountsSnapshot
from appinsights_exporter.testing import TRACE_ID, span
from opencensus_compat.local import LocalEndpoint

ATTRIBUTES = {
    "none": {},
    "http": {
        "http.method": "GET",
        "http.url": "https://u:p@h.com/a?x",
        "http.route": "/a",
        "http.status_code": 200,
        "component": "HTTP",
        "error.message": "x",
        "stacktrace": "a\nb",
        "enduser.id": "5",
        "_MS.sampleRate": 25.0,
    },
    "database": {"db.system": "redis", "db.statement": "s" * 9000},
    "messaging": {"messaging.system": "k", "messaging.destination.name": "q"},
    "long": {"k": "v" * 70_000, "m": "w" * 70_000, "x" * 200: "y"},
}


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
@pytest.mark.parametrize("scope", ["my.tracer", "opencensus_compat"])
def test_every_item_passes_the_schema(scope, attributes):
    """Spans of every kind, with events, links and long texts, are accepted without a warning."""
    now_ns = time.time_ns()
    spans = [
        span(
            "n" * 2000,
            kind,
            attributes,
            scope=scope,
            start_ns=now_ns,
            end_ns=now_ns + 1_000_000,
            span_id=number + 1,
            status=Status(StatusCode.ERROR, "bad"),
            links=[Link(SpanContext(TRACE_ID, 5, is_remote=True))],
            events=[Event("exception", None, now_ns), Event("e" * 40_000, {"k": 1}, now_ns)],
        )
        for number, kind in enumerate(SpanKind)
    ]
    with LocalEndpoint() as endpoint:
        exporter = ApplicationInsightsSpanExporter(endpoint.connection_string, legacy_context_tags={"ai.cloud.role": "app.py"})
        result = exporter.export(spans)
        exporter.shutdown()
        refused, warnings, kept = endpoint.refused, endpoint.warnings, endpoint.counts()
    assert (refused, warnings) == ([], [])
    assert result.name == "SUCCESS"
    assert exporter.counts.snapshot() == CountsSnapshot(sent=sum(kept.values()))
    assert kept["requests"] + kept["dependencies"] == len(SpanKind)
    assert kept["traces"] == len(SpanKind)


def test_a_busy_service_is_not_waited_for():
    """After a 503 the items are on disk, which is a success, and counted as stored."""
    with LocalEndpoint() as endpoint:
        endpoint.misbehave("status:code=503")
        exporter = ApplicationInsightsSpanExporter(endpoint.connection_string)
        assert exporter.export([span()]).name == "SUCCESS"
        exporter.shutdown()
    assert exporter.counts.snapshot() == CountsSnapshot(stored=1, retried={"service unavailable": 1})
