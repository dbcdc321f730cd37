"""What the programs beside this one have in common: a trace, measurements, something that listens, and the form that results are shown in."""

import contextlib
import datetime
import http.server
import json
import re
import sys
import threading

from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_key, tag_map, tag_value
from opencensus.trace import base_exporter, link, span_data, time_event
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer

WHEN = datetime.datetime(2024, 9, 30, 8, 0, 0, 123456)
CALLER = [
    ("/orders/7", {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}),
    ("/orders/8", {}),
    ("/fails", {}),
    ("/health", {}),
    ("/nowhere", {}),
]
"""Path and headers of requests to the web applications."""
IDS = re.compile(r"(?i)(trace|span|parent)_?(span)?_?id(low|high)?$|^id$")
TIMES = re.compile(r"(?i)(_?time(stamp)?|duration|^start)$")
HEXADECIMAL = re.compile(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{16}\b")


class Recorder(base_exporter.Exporter):
    """A program's own exporter."""

    def __init__(self):
        self.spans = []

    def export(self, span_datas):
        self.spans += span_datas


def plain(span_datas):
    """Return spans as JSON values: in OpenCensus's own form, and beside it what that leaves out."""
    return [
        {
            "json": _without_frames(span_data.format_legacy_trace_json([each])),
            "attributes": {key: _last_function(value) if key == "stacktrace" else value for key, value in (each.attributes or {}).items()},
            "traceId": each.context.trace_id,
            "sampled": each.context.trace_options.trace_options_byte,
            "remote": each.context.from_header,
            "status": each.status and [each.status.canonical_code, each.status.description],
        }
        for each in span_datas
    ]


# The frames between are those of a framework's release, in words of Python's release.


def _last_function(text):
    return re.findall(r"in (\w+)", text)[-1]


def _without_frames(trace):
    for span in trace["spans"]:
        span.get("attributes", {}).get("attributeMap", {}).pop("stacktrace", None)
        if "stackTrace" in span:
            span["stackTrace"] = span["stackTrace"]["stack_frames"]["frame"][-1]["function_name"]["value"]
    return trace


def trade(exporter, bools=True, events=True):
    """Make a trace of three spans that have something of everything."""
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span(name="GET /orders") as request:
        request.span_kind = SpanKind.SERVER
        request.add_attribute("http.method", "GET")
        request.add_attribute("http.status_code", 200)
        request.add_annotation("cache missed", key="orders")
        if events:
            request.add_message_event(time_event.MessageEvent(WHEN, 7, time_event.Type.RECEIVED, 100, 40))
        request.add_link(link.Link("ab" * 16, "cd" * 8, link.Type.PARENT_LINKED_SPAN))
        with tracer.span(name="SELECT") as query:
            query.span_kind = SpanKind.CLIENT
            query.add_attribute("slow", False if bools else "no")
            query.status = Status(5, "no such row")
        with tracer.span(name="price") as price:
            price.add_attribute("currency", "EUR")
    tracer.finish()


def measured(*names):
    """Register views, of all four kinds unless some are named, and return the stats they are in, and their measure."""
    latency = measure.MeasureFloat("latency", "how long", "ms")
    ways = [
        ("count", aggregation.CountAggregation()),
        ("sum", aggregation.SumAggregation()),
        ("last", aggregation.LastValueAggregation()),
        ("spread", aggregation.DistributionAggregation([1.0, 10.0])),
    ]
    for name, way in ways:
        if names and name not in names:
            continue
        stats.stats.view_manager.register_view(view.View(f"shop/{name}", f"the {name}", [tag_key.TagKey("route")], latency, way))
    return stats.stats, latency


def record(census, latency):
    """Record three measurements."""
    for value in (0.5, 5.0, 50.0):
        measurements = census.stats_recorder.new_measurement_map()
        measurements.measure_float_put(latency, value)
        tags = tag_map.TagMap()
        tags.insert(tag_key.TagKey("route"), tag_value.TagValue("/a"))
        measurements.record(tags)


@contextlib.contextmanager
def listening():
    """Take what is posted to a port, as vendors' collectors do: yield the port, and a list of path and body of each request."""
    taken = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, taken
        finally:
            server.shutdown()
            thread.join()


def show(value):
    """Print a result, with ordinals for ids and types for times."""
    ordinals = {}

    def ordinal(found):
        return ordinals.setdefault(str(found), f"#{len(ordinals)}")

    def shown(value, key=""):
        if isinstance(value, dict):
            return {str(name): shown(each, str(name)) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [shown(each, key) for each in value]
        if value is not None and key not in ("", "id_") and IDS.search(key):
            return ordinal(value)
        if value is not None and TIMES.search(key):
            return type(value).__name__
        if isinstance(value, str):
            return HEXADECIMAL.sub(lambda match: ordinal(match[0]), value)
        return f"{len(value)} bytes" if isinstance(value, bytes) else value

    json.dump(shown(value), sys.stdout, sort_keys=True)
    print()
