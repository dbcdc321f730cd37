"""A program of the old days with all three signals: spans of every sort, log records, an event, an exception, views of each aggregation."""

import datetime
import logging

from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_key, tag_map
from opencensus.trace import link, status, time_event
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())
events = logging.getLogger("shop.events")
events.propagate = False
events.addHandler(AzureEventHandler())

orders = measure.MeasureInt("orders", "orders sold", "1")
tier = tag_key.TagKey("tier")
VIEWS = [
    view.View("orders counted", "how many", [tier], orders, aggregation.CountAggregation()),
    view.View("orders summed", "how much", [tier], orders, aggregation.SumAggregation()),
    view.View("orders last", "the last", [tier], orders, aggregation.LastValueAggregation()),
    view.View("orders sized", "how big", [tier], orders, aggregation.DistributionAggregation([2, 5])),
]


def main():
    manager = stats.stats.view_manager
    manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False))
    for each in VIEWS:
        manager.register_view(each)
    context = TraceContextPropagator().from_headers({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    tracer = Tracer(span_context=context, sampler=AlwaysOnSampler(), exporter=AzureExporter())
    with tracer.span("POST /orders") as request:
        request.span_kind = SpanKind.SERVER
        request.add_attribute("http.method", "POST")
        request.add_attribute("http.status_code", 200)
        with tracer.span("pack") as pack:
            pack.add_attribute("items", 3)
            pack.add_annotation("label printed", printer="P7")
            logger.warning("only %d left", 2, extra={"custom_dimensions": {"sku": "kettle"}})
            events.info("bought", extra={"custom_dimensions": {"sku": "kettle"}})
            try:
                1 / 0
            except ZeroDivisionError:
                logger.exception("no label")
        with tracer.span("/charge") as call:
            call.span_kind = SpanKind.CLIENT
            call.set_status(status.Status(5, "no such card"))
            call.add_link(link.Link("6e0c63257de34c92bf9efcd03927272e", "53995c3f42cd8ad8", link.Type.PARENT_LINKED_SPAN))
            call.add_message_event(time_event.MessageEvent(datetime.datetime(2020, 1, 31, 10, 20, 30), 1, time_event.Type.SENT, 100))
    tags = tag_map.TagMap()
    tags.insert(tier, "gold")
    for items in (1, 3, 8):
        measured = stats.stats.stats_recorder.new_measurement_map()
        measured.measure_int_put(orders, items)
        measured.record(tags)


if __name__ == "__main__":
    main()
