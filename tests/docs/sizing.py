"""``make sizing``: what an item takes in memory, on the wire and on disk, for the page of limits.

The items are those of a web service as OpenCensus code makes them: a request, a query, a call and a log record, each with a few
attributes. Bytes are counted in the code that sends and stores: no clock is read, and a busy machine changes nothing.
"""

from __future__ import annotations

import logging
import random
import sys
import tracemalloc
from pathlib import Path
from typing import NamedTuple

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

import opencensus_compat
from appinsights_exporter.delivery import encode, packing
from opencensus_compat.ext.azure.common import Options
from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.span import SpanKind
from opencensus_compat.trace.tracer import Tracer

PAGE = Path(__file__).parents[2] / "migration_guide" / "limits.md"
BEGIN, END = "<!-- written by `make sizing` -->\n", "<!-- to here -->\n"
QUEUE: int = Options._default["queue_capacity"]
MIB = 2**20
DAY_S = 24 * 3600
RATES = (10, 100, 1_000)
"""Items a second of the rows."""


class Sizes(NamedTuple):
    """Bytes of one item, on average."""

    json: float
    wire: float
    disk: float
    memory: float
    """Of a span in a queue."""


def _work(tracer: Tracer, logger: logging.Logger, number: int) -> None:
    """Make the telemetry of one request."""
    chance = random.Random(number)
    order = chance.getrandbits(24)
    with tracer.span(name=f"GET /orders/{order}") as span:
        span.span_kind = SpanKind.SERVER
        span.add_attribute("http.method", "GET")
        span.add_attribute("http.host", "shop.example.com")
        span.add_attribute("http.path", f"/orders/{order}")
        span.add_attribute("http.url", f"https://shop.example.com/orders/{order}")
        span.add_attribute("http.route", "/orders/{number}")
        span.add_attribute("http.status_code", 200)
        span.add_attribute("tenant", f"t{order % 7}")
        with tracer.span(name="postgresql.query") as query:
            query.span_kind = SpanKind.CLIENT
            query.add_attribute("component", "postgresql")
            query.add_attribute("postgresql.query", "SELECT state FROM orders WHERE id = %s")
        with tracer.span(name="GET /stock") as call:
            call.span_kind = SpanKind.CLIENT
            call.add_attribute("component", "HTTP")
            call.add_attribute("http.method", "GET")
            call.add_attribute("http.url", f"https://stock.example.com/stock/{order % 1000}")
            call.add_attribute("http.status_code", 200)
        logger.warning("order %d is looked up", order, extra={"custom_dimensions": {"order": order, "tenant": f"t{order % 7}"}})


def _items(requests: int) -> list[bytes]:
    """Return the items of so many requests, as they are sent."""
    logger = logging.getLogger("sizing")
    logger.propagate = False
    with LocalEndpoint() as endpoint:
        tracer = Tracer(exporter=AzureExporter(connection_string=endpoint.connection_string), sampler=AlwaysOnSampler())
        handler = AzureLogHandler(connection_string=endpoint.connection_string)
        logger.addHandler(handler)
        try:
            for number in range(requests):
                _work(tracer, logger, number)
            opencensus_compat.flush()
        finally:
            logger.removeHandler(handler)
        return [encode.item(envelope) for envelope in endpoint.envelopes()]


def _memory(spans: int) -> float:
    """Return the bytes that a span in a queue takes."""
    held: list[ReadableSpan] = []

    class Hold(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            held.append(span)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Hold())
    tracer = provider.get_tracer("sizing")

    def fill(number: int) -> None:
        for each in range(number):
            attributes = {
                "http.method": "GET",
                "http.url": f"https://shop.example.com/orders/{each}",
                "http.status_code": 200,
                "order": each,
            }
            with tracer.start_as_current_span(f"GET /orders/{each}", attributes=attributes):
                pass

    fill(10)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    fill(spans)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / spans


def measure(requests: int = 512, spans: int = 1_000) -> Sizes:
    """Return the sizes of one item, on average over so many requests of four items each."""
    items = _items(requests)
    wire = sum(len(batch.body) for batch in encode.batches(items))
    disk = sum(len(packing.packed(items[start : start + encode.MAX_BATCH_ITEMS])) for start in range(0, len(items), encode.MAX_BATCH_ITEMS))
    return Sizes(sum(map(len, items)) / len(items), wire / len(items), disk / len(items), _memory(spans))


def table(sizes: Sizes) -> str:
    """Return the part of the page. What it says follows from whole bytes."""
    sizes = Sizes(*map(round, sizes))
    store: int = Options._default["storage_max_size"]
    rows = (
        f"| {rate:,} | {rate * sizes.wire * DAY_S / MIB:,.0f} MiB | {QUEUE / rate:,.0f} s | {_span_of_time(store / sizes.disk / rate)} "
        f"| {rate * 3600 * sizes.disk / MIB:,.0f} MiB |\n"
        for rate in RATES
    )
    return (
        f"An item takes {sizes.json} bytes as JSON, {sizes.wire} on the wire and {sizes.disk} on disk, both compressed. "
        f"A span in a queue takes {sizes.memory / 1024:.1f} KiB.\n"
        f"A full queue of {QUEUE:,} spans takes {QUEUE * sizes.memory / MIB:.0f} MiB.\n\n"
        "| items per second | traffic per day | a full queue holds | the default store holds | an hour's outage needs |\n"
        "|---|---|---|---|---|\n"
    ) + "".join(rows)


def _span_of_time(seconds: float) -> str:
    longest = 48 * 3600
    if seconds > longest:
        return "48 h (the most)"
    return f"{seconds / 3600:.0f} h" if seconds >= 2 * 3600 else f"{seconds / 60:.0f} min"


def main() -> int:
    """Write the part of the page, and print it."""
    text = PAGE.read_text(encoding="utf-8")
    made = table(measure(requests=2_048, spans=QUEUE))
    PAGE.write_text(text.partition(BEGIN)[0] + BEGIN + made + END + text.partition(END)[2], encoding="utf-8")
    sys.stdout.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
