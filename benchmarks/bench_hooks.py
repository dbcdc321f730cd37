"""Programs that change what is sent: telemetry processors, and conversions that they override, from the span or record to the accepted item.

Run ``python benchmarks/bench_hooks.py``. The same unchanged OpenCensus programs run on the retired SDK and on this package, each in its own
interpreter, as ``bench_delivery`` runs them. Each makes 10,000 spans or records; a function of its own adds a property to each item:

* ``spans, processor``: ``AzureExporter.add_telemetry_processor``;
* ``spans, overridden``: a subclass of ``AzureExporter`` with its own ``span_data_to_envelope``;
* ``records, processor``: ``AzureLogHandler.add_telemetry_processor``;
* ``records, overridden``: a subclass of ``AzureLogHandler`` with its own ``log_record_to_envelope``;
* ``exceptions, processor``: as ``records, processor``, with ``logger.exception``.

Rows: CPU time of the process for each item that was accepted, of the retired SDK's.
"""

from __future__ import annotations

import json
import logging
import os
import sys

import bench_delivery
import rows

TURNS = 2
STAGES = (10_000,)
LIMITS = {
    "spans, processor": 0.5,
    "spans, overridden": 0.5,
    "records, processor": 0.62,
    "records, overridden": 0.62,
    "exceptions, processor": 0.9,
}


def marked(envelope):
    """Add a property, as telemetry processors of programs do."""
    envelope.data.baseData.properties["region"] = "eu"
    return True


def spans(exporter):
    """Return a function that makes a request's four spans, and one that sends what waits."""
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.span import SpanKind
    from opencensus.trace.tracer import Tracer

    sampler = AlwaysOnSampler()

    def request(index):
        tracer = Tracer(exporter=exporter, sampler=sampler)
        with tracer.span("GET /orders/{id}") as span:
            span.span_kind = SpanKind.SERVER
            for key, value in bench_delivery.REQUEST.items():
                span.add_attribute(key, value)
            span.add_attribute("http.url", f"https://shop.example.com/orders/{index}")
            for number in range(bench_delivery.SPANS_PER_REQUEST - 1):
                with tracer.span("SELECT orders") as child:
                    child.span_kind = SpanKind.CLIENT
                    child.add_attribute("component", "postgresql")
                    child.add_attribute("db.statement", "SELECT id, state FROM orders WHERE id = %s")
                    child.add_attribute("number", number)

    return request, lambda: exporter._queue.flush(bench_delivery.PATIENCE_S)


def spans_with_processor():
    """Return the spans of an exporter with a telemetry processor."""
    from opencensus.ext.azure.trace_exporter import AzureExporter

    exporter = AzureExporter()
    exporter.add_telemetry_processor(marked)
    return spans(exporter)


def spans_overridden():
    """Return the spans of an exporter with a conversion of its own."""
    from opencensus.ext.azure.trace_exporter import AzureExporter

    class Own(AzureExporter):
        def span_data_to_envelope(self, sd):
            for envelope in super().span_data_to_envelope(sd):
                marked(envelope)
                yield envelope

    return spans(Own())


def records(handler):
    """Return a function that logs four records, and one that sends what waits."""
    logger = logging.getLogger("shop.orders")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)

    def request(index):
        for number in range(bench_delivery.SPANS_PER_REQUEST):
            logger.info("order %d of customer %s was placed", index, number, extra={"custom_dimensions": {"tenant": f"t{index % 7}"}})

    return request, handler.flush


def records_with_processor():
    """Return the records of a handler with a telemetry processor."""
    from opencensus.ext.azure.log_exporter import AzureLogHandler

    handler = AzureLogHandler()
    handler.add_telemetry_processor(marked)
    return records(handler)


def exceptions_with_processor():
    """Return the exceptions of a handler with a telemetry processor."""
    _, flush = records_with_processor()
    logger = logging.getLogger("shop.orders")

    def request(index):
        for _ in range(bench_delivery.SPANS_PER_REQUEST):
            try:
                int("a few")
            except ValueError:
                logger.exception("order %d failed", index)

    return request, flush


def records_overridden():
    """Return the records of a handler with a conversion of its own."""
    from opencensus.ext.azure.log_exporter import AzureLogHandler

    class Own(AzureLogHandler):
        def log_record_to_envelope(self, record):
            envelope = super().log_record_to_envelope(record)
            marked(envelope)
            return envelope

    return records(Own())


WORKLOADS = {
    "spans, processor": spans_with_processor,
    "spans, overridden": spans_overridden,
    "records, processor": records_with_processor,
    "records, overridden": records_overridden,
    "exceptions, processor": exceptions_with_processor,
}


def work(workload, path, stages):
    """Run the stages of one workload in this process and print their figures."""
    page = bench_delivery.Page(path)
    request, flush = WORKLOADS[workload]()
    bench_delivery.stage(request, flush, page, bench_delivery.WARM_UP)
    print(json.dumps([bench_delivery.stage(request, flush, page, number) for number in stages]), flush=True)


def main():
    """Measure by turns, print the rows, and return the exit code."""

    def turn(name):
        figures = {}
        for workload in WORKLOADS:
            found = bench_delivery.measured(workload, STAGES, __file__, bench_delivery.CONTESTANTS[name][0])
            if found is None:
                return None
            if found[-1]["accepted"] != found[-1]["made"]:
                print(f"  {name}, {workload}: {found[-1]['made'] - found[-1]['accepted']} of {found[-1]['made']} dropped")
            figures[workload] = found[-1]["cpu"]
        return figures

    figures = rows.by_turns(("census-compat", "legacy"), turn, TURNS)
    print(f"CPU us for each item, best of {TURNS} turns")
    rows.show(figures, digits=1)
    table = rows.Rows()
    table.of_legacy(figures, LIMITS, ", created to accepted, CPU")
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(sys.argv[1], sys.argv[2], [int(number) for number in sys.argv[3:]])
        sys.stdout.flush()
        os._exit(0)  # the exporters' exit hooks are not part of it
    sys.exit(main())
