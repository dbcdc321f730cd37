"""What it costs to make metrics ready for the wire, beside the official exporter, and what a span pays for standard metrics.

Run ``python benchmarks/bench_metrics_export.py``. The same points go through each package in its own environment:

* ``OFFICIAL_PYTHON`` (default ``.venvs/official/bin/python``): azure-monitor-opentelemetry-exporter; convert + JSON.
* this interpreter: convert + JSON + gzip, for few series and for many.

Half of the series are counters, half histograms. Prints microseconds and bytes per series, and per span for the two span processors, and
whether the limits are kept; ends with 1 when one is not. The official exporter is left out when its environment is missing.
"""

from __future__ import annotations

import json
import sys

import contest
import rows

INSTRUMENTS, ATTRIBUTE_SETS = 1000, 100
FEW_INSTRUMENTS = 20
SPANS = 2000
PASSES = 5
KEY = "00000000-0000-0000-0000-000000000001"
TIME_NS = 1_700_000_000_123_456_789
MAX_OF_OFFICIAL = 1 / 10
MAX_OF_FEW = 1.5
"""A series among 100,000 may take so many times what one among 2,000 takes."""
MAX_SPAN_US = 40.0
"""For counting one span, in the thread that ends it."""


def metrics_data(instruments):
    """Return metrics as a reader collects them: each instrument with 100 attribute sets."""
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Histogram,
        HistogramDataPoint,
        Metric,
        MetricsData,
        NumberDataPoint,
        ResourceMetrics,
        ScopeMetrics,
        Sum,
    )
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    delta = AggregationTemporality.DELTA
    metrics = []
    for instrument in range(instruments):
        attributes = [{"tenant": f"t{number}", "region": "westeurope", "status": number % 5} for number in range(ATTRIBUTE_SETS)]
        if instrument % 2:
            bounds = [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0]
            points = [HistogramDataPoint(of, TIME_NS, TIME_NS, 7, 70.5 + instrument, [0] * 16, bounds, 1.5, 40.0) for of in attributes]
            data = Histogram(points, delta)
        else:
            data = Sum([NumberDataPoint(of, TIME_NS, TIME_NS, instrument) for of in attributes], delta, is_monotonic=True)
        metrics.append(Metric(f"shop.orders.{instrument}", "", "1", data))
    resource = Resource({"service.name": "shop", "service.instance.id": "web-1"})
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(InstrumentationScope("shop"), metrics, "")], "")])


def ours(instruments):
    """Return a function that converts, encodes and compresses, and returns the size of what it makes; and how many series it makes."""
    contest.use_this_tree()
    from appinsights_exporter import ApplicationInsightsMetricExporter
    from appinsights_exporter.delivery.deliver import Delivery

    sink = contest.Sink()
    exporter = ApplicationInsightsMetricExporter(f"InstrumentationKey={KEY}", delivery=Delivery(sink))
    data = metrics_data(instruments)

    def run():
        sink.size = 0
        exporter.export(data)
        return sink.size

    return run, instruments * ATTRIBUTE_SETS


def official():
    """Return the same for the official exporter: its conversion and its JSON, without starting it."""
    from azure.monitor.opentelemetry.exporter._generated.exporter._utils.model_base import SdkJSONEncoder
    from azure.monitor.opentelemetry.exporter.export.metrics import _exporter

    # Its cost per series is flat, and too high for all of them.
    data = metrics_data(FEW_INSTRUMENTS)

    def run():
        items = []
        for of_resource in data.resource_metrics:
            for of_scope in of_resource.scope_metrics:
                for metric in of_scope.metrics:
                    for point in metric.data.data_points:
                        item = _exporter._convert_point_to_envelope(point, metric.name, of_resource.resource, of_scope.scope)
                        item.instrumentation_key = KEY
                        items.append(item)
        return len(json.dumps(items, cls=SdkJSONEncoder, exclude_readonly=True))

    return run, FEW_INSTRUMENTS * ATTRIBUTE_SETS


def counting(processor_name):
    """Return a function that lets a span processor count spans, and how many; half are HTTP requests, half HTTP dependencies."""
    contest.use_this_tree()
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.trace import SpanKind

    from appinsights_exporter import ApplicationInsightsMetricExporter, StandardMetricsProcessor, performance_counters
    from appinsights_exporter.delivery.deliver import Delivery
    from appinsights_exporter.testing import span

    exporter = ApplicationInsightsMetricExporter(f"InstrumentationKey={KEY}", delivery=Delivery(contest.Sink()))
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)], shutdown_on_exit=False)
    if processor_name == "standard metrics":
        processor = StandardMetricsProcessor(provider)
    else:
        processor = performance_counters.RequestCounter(provider.get_meter("m").create_histogram("h"))
    provider.force_flush()
    server = {"http.request.method": "GET", "url.scheme": "https", "server.address": "shop.test", "url.path": "/orders/7"}
    server |= {"http.route": "/orders/{id}", "http.response.status_code": 200, "user_agent.original": "Mozilla/5.0"}
    client = {"http.request.method": "GET", "url.full": "https://stock.test/items/7", "http.response.status_code": 200}
    client |= {"server.address": "stock.test", "server.port": 443}
    spans = [
        span("GET", SpanKind.CLIENT if number % 2 else SpanKind.SERVER, client if number % 2 else server, span_id=number + 1)
        for number in range(SPANS)
    ]

    def run():
        for one in spans:
            processor.on_end(one)
        return 0

    return run, SPANS


WORKERS = {
    "ours, few": lambda: ours(FEW_INSTRUMENTS),
    "ours, many": lambda: ours(INSTRUMENTS),
    "official": official,
    "standard metrics": lambda: counting("standard metrics"),
    "request counter": lambda: counting("request counter"),
}


def main():
    """Measure all by turns, print the table, and return the exit code."""
    pythons = {name: contest.OFFICIAL_PYTHON if name == "official" else sys.executable for name in WORKERS}
    figures = rows.by_turns(WORKERS, lambda name: contest.measured(name, pythons[name]), contest.TURNS)
    print(f"{FEW_INSTRUMENTS * ATTRIBUTE_SETS} and {INSTRUMENTS * ATTRIBUTE_SETS} series, {SPANS} spans; us and bytes for each")
    rows.show(figures)
    table = rows.Rows()
    table.ratio("many series", "of few", figures["ours, many"]["us"], figures["ours, few"]["us"], MAX_OF_FEW)
    table.ratio("series, CPU", "of official", figures["ours, few"]["us"], figures["official"].get("us"), MAX_OF_OFFICIAL)
    for name in ("standard metrics", "request counter"):
        table.figure(f"{name}, for each span", "us", figures[name]["us"], MAX_SPAN_US)
    return table.exit_code()


if __name__ == "__main__":
    sys.exit(contest.work(*WORKERS[sys.argv[1]](), PASSES) if len(sys.argv) > 1 else main())
