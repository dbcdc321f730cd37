"""What it costs to make a span ready for the wire, beside the two packages that this one follows.

Run ``python benchmarks/bench_convert.py``. The same spans go through each package in its own environment:

* ``OFFICIAL_PYTHON`` (default ``.venvs/official/bin/python``): azure-monitor-opentelemetry-exporter; convert + JSON.
* ``LEGACY_PYTHON`` (default ``.venvs/legacy/bin/python``): opencensus-ext-azure; convert + JSON.
* this interpreter: convert + JSON + gzip, in both envelope shapes.

Prints microseconds per span, bytes per span, the ratios, and whether they keep the limits; ends with 1 when one does not. A package
whose environment is missing is left out.
"""

from __future__ import annotations

import datetime
import json
import random
import sys

import contest

SPANS = 500
PASSES = 15
KEY = "00000000-0000-0000-0000-000000000001"
START_NS = 1_700_000_000_123_456_789
MAX_OF_OFFICIAL = 0.031
MAX_OF_LEGACY = 0.15
MAX_BYTES_OF_LEGACY = 0.08


def spans():
    """Yield the spans as plain data: ids, kind (0 internal, 1 server, 2 client), name, times and attributes.

    Each trace is a request, continued from a caller, with an HTTP call, a database call and an inner span below it. The attributes are
    what instrumentations of web frameworks, requests and psycopg2 set, under the old conventions, which all three packages know.
    """
    chance = random.Random(7)
    trace_id = request_id = 0
    for index in range(SPANS):
        kind = (1, 2, 2, 0)[index % 4]
        span_id, parent_id = chance.getrandbits(64), request_id
        if kind == 1:
            trace_id, request_id, parent_id = chance.getrandbits(128), span_id, chance.getrandbits(64)
        start_ns = START_NS + index * 1_234_567
        if kind == 1:
            name = "GET /orders/{id}"
            attributes = {
                "http.method": "GET",
                "http.scheme": "https",
                "http.host": "shop.example.com",
                "http.server_name": "0.0.0.0",
                "http.target": f"/orders/{index}",
                "http.url": f"https://shop.example.com/orders/{index}",
                "http.route": "/orders/{id}",
                "http.flavor": "1.1",
                "http.user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
                "http.status_code": 200,
                "net.host.name": "shop.example.com",
                "net.host.port": 443,
                "net.peer.ip": "203.0.113.9",
                "tenant": f"t{index % 7}",
            }
        elif kind == 0:
            name = "price"
            attributes = {"items": index % 5, "currency": "EUR", "member": True}
        elif index % 4 == 1:
            name = "GET"
            attributes = {
                "component": "HTTP",
                "http.method": "GET",
                "http.url": f"https://stock.example.com/items/{index}",
                "http.status_code": 200 if index % 10 else 503,
            }
        else:
            name = "SELECT orders"
            attributes = {
                "component": "postgresql",
                "db.system": "postgresql",
                "db.name": "orders",
                "db.statement": "SELECT id, state FROM orders WHERE id = %s",
                "db.user": "shop",
                "net.peer.name": "pg.example.com",
                "net.peer.port": 5432,
            }
        yield trace_id, span_id, parent_id, kind, name, start_ns, start_ns + 12_345_678, attributes


def otel_spans(scope):
    """Return the spans as OpenTelemetry objects."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

    try:
        from opentelemetry.attributes import BoundedAttributes
    except ImportError:
        BoundedAttributes = None  # noqa: N806 - the name of a class
    kinds = (SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT)
    resource = Resource.create({"service.name": "shop", "service.instance.id": "web-1"})
    made = []
    for trace_id, span_id, parent_id, kind, name, start_ns, end_ns, attributes in spans():
        made.append(
            ReadableSpan(
                name=name,
                context=SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(1)),
                parent=SpanContext(trace_id, parent_id, is_remote=False),
                resource=resource,
                # The SDK's own container, as on spans that a tracer made.
                attributes=attributes if BoundedAttributes is None else BoundedAttributes(attributes=attributes),
                kind=kinds[kind],
                start_time=start_ns,
                end_time=end_ns,
                instrumentation_scope=InstrumentationScope(scope),
            )
        )
    return made


def ours(shape):
    """Return a function that converts, encodes and compresses, and the size of what it makes."""
    contest.use_this_tree()
    from appinsights_exporter import ApplicationInsightsSpanExporter
    from appinsights_exporter.delivery.deliver import Delivery

    sink = contest.Sink()
    exporter = ApplicationInsightsSpanExporter(
        f"InstrumentationKey={KEY}", delivery=Delivery(sink), legacy_context_tags=contest.LEGACY_TAGS
    )
    made = otel_spans("opencensus_compat" if shape == "legacy" else "my.tracer")

    def run():
        sink.size = 0
        exporter.export(made)
        return sink.size

    return run


def official():
    """Return a function that converts and encodes as the official exporter does, without starting it."""
    from azure.monitor.opentelemetry.exporter._generated.exporter._utils.model_base import SdkJSONEncoder
    from azure.monitor.opentelemetry.exporter.export.trace import _exporter

    made = otel_spans("my.tracer")

    def run():
        items = []
        for span in made:
            item = _exporter._convert_span_to_envelope(span)
            item.instrumentation_key = KEY
            items.append(item)
            items.extend(_exporter._convert_span_events_to_envelopes(span))
        return len(json.dumps(items, cls=SdkJSONEncoder, exclude_readonly=True))

    return run


def legacy():
    """Return a function that converts and encodes as the retired exporter did, without starting its thread."""
    import types

    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.span_context import SpanContext
    from opencensus.trace.span_data import SpanData
    from opencensus.trace.status import Status

    exporter = object.__new__(AzureExporter)
    exporter.options = types.SimpleNamespace(instrumentation_key=KEY)

    def moment(ns):
        seconds, rest_ns = divmod(ns, 1_000_000_000)
        at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{rest_ns // 1000:06d}Z"

    made = [
        SpanData(
            name=name,
            context=SpanContext(trace_id=f"{trace_id:032x}"),
            span_id=f"{span_id:016x}",
            parent_span_id=f"{parent_id:016x}",
            attributes=attributes,
            start_time=moment(start_ns),
            end_time=moment(end_ns),
            child_span_count=0,
            stack_trace=None,
            annotations=[],
            message_events=[],
            links=[],
            status=Status(0),
            same_process_as_parent_span=True,
            span_kind=kind,
        )
        for trace_id, span_id, parent_id, kind, name, start_ns, end_ns, attributes in spans()
    ]

    def run():
        items = [envelope for data in made for envelope in exporter.span_data_to_envelope(data)]
        return len(json.dumps(items, default=str))

    return run


WORKERS = {"ours otel": lambda: ours("otel"), "ours legacy": lambda: ours("legacy"), "official": official, "legacy": legacy}


def main():
    """Measure all and print the table."""
    print(f"{SPANS} spans, best of {contest.TURNS} times {PASSES} passes")
    return contest.beside_both(
        "span",
        (
            ("span of OpenTelemetry, CPU", "ours otel", "official", "us", MAX_OF_OFFICIAL),
            ("span of OpenCensus, CPU", "ours legacy", "legacy", "us", MAX_OF_LEGACY),
            ("span of OpenCensus, bytes", "ours legacy", "legacy", "bytes", MAX_BYTES_OF_LEGACY),
        ),
    )


if __name__ == "__main__":
    sys.exit(contest.work(WORKERS[sys.argv[1]](), SPANS, PASSES) if len(sys.argv) > 1 else main())
