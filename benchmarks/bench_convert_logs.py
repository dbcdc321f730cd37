"""What it costs to make a log record ready for the wire, beside the two packages that this one follows.

Run ``python benchmarks/bench_convert_logs.py``. The same records go through each package in its own environment:

* ``OFFICIAL_PYTHON`` (default ``.venvs/official/bin/python``): azure-monitor-opentelemetry-exporter; convert + JSON.
* ``LEGACY_PYTHON`` (default ``.venvs/legacy/bin/python``): opencensus-ext-azure; convert + JSON.
* this interpreter: convert + JSON + gzip, in both envelope shapes.

Prints microseconds per record, bytes per record, the ratios, and whether they keep the limits; ends with 1 when one does not. A package
whose environment is missing is left out.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import traceback

import contest

RECORDS = 500
PASSES = 15
KEY = "00000000-0000-0000-0000-000000000001"
START_NS = 1_700_000_000_123_456_789
MAX_OF_OFFICIAL = 1 / 10
MAX_OF_LEGACY = 1 / 2


def failed(depth):
    """Return an error that was raised below some calls, as a web program's are."""

    def call(level):
        if level:
            return call(level - 1)
        raise KeyError("id")

    try:
        try:
            call(depth)
        except KeyError as error:
            raise ValueError("no such order") from error
    except ValueError as error:
        return error


def records():
    """Yield the records as plain data: ids, time, level, message, dimensions and error; one in fifty has an error."""
    chance = random.Random(7)
    for index in range(RECORDS):
        trace_id, span_id = (0, 0) if index % 5 == 4 else (chance.getrandbits(128), chance.getrandbits(64))
        dimensions = {"tenant": f"t{index % 7}", "items": index % 5, "member": True} if index % 2 else {}
        error = failed(8) if index % 50 == 49 else None
        level = 40 if error else (20, 30)[index % 10 == 9]
        yield (
            trace_id,
            span_id,
            START_NS + index * 1_234_567,
            level,
            f"order {index} of customer {index % 97} was placed",
            dimensions,
            error,
        )


def attributes_of(dimensions, error):
    """Return a record's attributes as OpenTelemetry's handler makes them."""
    attributes = {"code.file.path": "/srv/shop/orders.py", "code.line.number": 118, "code.function.name": "place", **dimensions}
    if error is not None:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        attributes |= {"exception.type": "ValueError", "exception.message": str(error), "exception.stacktrace": text}
    return attributes


def ours(shape):
    """Return a function that converts, encodes and compresses, and the size of what it makes."""
    contest.use_this_tree()
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import TraceFlags

    from appinsights_exporter import ApplicationInsightsLogRecordExporter, _sdk_logs
    from appinsights_exporter.delivery.deliver import Delivery

    sink = contest.Sink()
    exporter = ApplicationInsightsLogRecordExporter(
        f"InstrumentationKey={KEY}", delivery=Delivery(sink), legacy_context_tags=contest.LEGACY_TAGS
    )
    resource = Resource.create({"service.name": "shop", "service.instance.id": "web-1"})
    facade = {"census.level": 20, "census.process_name": "MainProcess", "census.module": "orders", "census.logger": "shop"}
    # The version tells it from the scope of a logger of this package's own, whose records are not sent.
    scope = InstrumentationScope("opencensus_compat", "1.0") if shape == "legacy" else InstrumentationScope("shop.orders")
    made = [
        _sdk_logs.new_data(
            _sdk_logs.new_record(
                timestamp_ns=at_ns,
                trace_id=trace_id,
                span_id=span_id,
                trace_flags=TraceFlags(1),
                severity_number=_sdk_logs.SeverityNumber(level // 10 * 4 + 1),
                severity_text=logging.getLevelName(level),
                body=message,
                attributes=attributes_of(dimensions, error) | (facade if shape == "legacy" else {}),
            ),
            resource,
            scope,
        )
        for trace_id, span_id, at_ns, level, message, dimensions, error in records()
    ]

    def run():
        sink.size = 0
        exporter.export(made)
        return sink.size

    return run


def official():
    """Return a function that converts and encodes as the official exporter does, without starting it."""
    from azure.monitor.opentelemetry.exporter._generated.exporter._utils.model_base import SdkJSONEncoder
    from azure.monitor.opentelemetry.exporter.export.logs import _exporter
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    resource = Resource.create({"service.name": "shop", "service.instance.id": "web-1"})
    made = [
        ReadWriteLogRecord(
            log_record=LogRecord(
                timestamp=at_ns,
                trace_id=trace_id,
                span_id=span_id,
                severity_number=SeverityNumber(level // 10 * 4 + 1),
                severity_text=logging.getLevelName(level),
                body=message,
                attributes=attributes_of(dimensions, error),
            ),
            resource=resource,
            instrumentation_scope=InstrumentationScope("shop.orders"),
        )
        for trace_id, span_id, at_ns, level, message, dimensions, error in records()
    ]

    def run():
        items = []
        for record in made:
            item = _exporter._convert_log_to_envelope(record)
            item.instrumentation_key = KEY
            items.append(item)
        return len(json.dumps(items, cls=SdkJSONEncoder, exclude_readonly=True))

    return run


def legacy():
    """Return a function that converts and encodes as the retired handler did, without starting its thread."""
    import types

    from opencensus.ext.azure.log_exporter import AzureLogHandler

    handler = object.__new__(AzureLogHandler)
    logging.Handler.__init__(handler)
    handler.options = types.SimpleNamespace(instrumentation_key=KEY)
    made = []
    for trace_id, span_id, at_ns, level, message, dimensions, error in records():
        info = None if error is None else (type(error), error, error.__traceback__)
        record = logging.LogRecord("shop", level, "/srv/shop/orders.py", 118, message, (), info, "place")
        record.created = at_ns / 1e9
        if trace_id:
            record.traceId, record.spanId = f"{trace_id:032x}", f"{span_id:016x}"
        if dimensions:
            record.custom_dimensions = dimensions
        made.append(record)

    def run():
        for record in made:
            # The formatter keeps the traceback's text on the record.
            record.exc_text = None
        return len(json.dumps([handler.log_record_to_envelope(record) for record in made], default=str))

    return run


WORKERS = {"ours otel": lambda: ours("otel"), "ours legacy": lambda: ours("legacy"), "official": official, "legacy": legacy}


def main():
    """Measure all and print the table."""
    print(f"{RECORDS} log records, best of {contest.TURNS} times {PASSES} passes")
    return contest.beside_both(
        "record",
        (
            ("record of OpenTelemetry, CPU", "ours otel", "official", "us", MAX_OF_OFFICIAL),
            ("record of OpenCensus, CPU", "ours legacy", "legacy", "us", MAX_OF_LEGACY),
        ),
    )


if __name__ == "__main__":
    sys.exit(contest.work(WORKERS[sys.argv[1]](), RECORDS, PASSES) if len(sys.argv) > 1 else main())
