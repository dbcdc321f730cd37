"""Classes of a program's own: a trace exporter behind each transport, a stats exporter, a sampler, a propagator."""

import functools

from opencensus.common.transports.async_ import AsyncTransport
from opencensus.common.transports.sync import SyncTransport
from opencensus.stats import base_exporter as stats_base_exporter
from opencensus.trace import base_exporter, samplers, span_context, tracer
from opencensus.trace.propagation import trace_context_http_header_format
from opencensus.trace.samplers import Sampler
from opencensus.trace.trace_options import TraceOptions
from shop import Recorder, measured, plain, record, show, trade

recorder = Recorder()
trade(recorder)
show(plain(recorder.spans))


class Transported(base_exporter.Exporter):
    def __init__(self, transport):
        self.transport, self.emitted = transport(self), []

    def emit(self, span_datas):
        self.emitted += span_datas

    def export(self, span_datas):
        self.transport.export(span_datas)


for kind in (SyncTransport, functools.partial(AsyncTransport, wait_period=0.01)):
    exporter = Transported(kind)
    trade(exporter)
    if kind is not SyncTransport:
        exporter.transport.flush()
    show(plain(exporter.emitted))


class Views(stats_base_exporter.StatsExporter):
    def __init__(self):
        self.told = []

    def export(self, view_data):
        self.emit(view_data)

    def emit(self, view_data):
        for data in view_data:
            for tags, found in data.tag_value_aggregation_data_map.items():
                fields = ("count_data", "sum_data", "value", "mean_data", "sum_of_sqd_deviations", "counts_per_bucket", "bounds")
                numbers = {name: getattr(found, name) for name in fields if hasattr(found, name)}
                self.told.append([data.view.name, list(tags), type(found).__name__, numbers])

    def register_view(self, view):
        self.told.append(view.name)


census, latency = measured()
views = Views()
census.view_manager.register_exporter(views)
record(census, latency)
show(views.told)


class Only(Sampler):
    def should_sample(self, span_context):
        return span_context.trace_id.startswith("a")


class Header:
    """A propagator in a house's own form."""

    def from_headers(self, headers):
        trace, _, span = headers.get("x-shop", "").partition("/")
        return span_context.SpanContext(trace or None, span or None, TraceOptions("1"), from_header=bool(trace))

    def to_headers(self, context):
        return {"x-shop": f"{context.trace_id}/{context.span_id}"}


recorder, sent = Recorder(), []
for trace in ("a" * 32, "b" * 32):
    made = tracer.Tracer(
        span_context=Header().from_headers({"x-shop": f"{trace}/{'c' * 16}"}), sampler=Only(), exporter=recorder, propagator=Header()
    )
    with made.span("request"):
        sent.append(made.propagator.to_headers(made.span_context) if made.span_context.trace_id[0] == "a" else None)
show([sent, plain(recorder.spans)])
