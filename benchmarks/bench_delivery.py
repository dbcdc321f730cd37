"""Sustained load: spans that a program makes, to items that an endpoint on the same machine has accepted.

Run ``python benchmarks/bench_delivery.py``. Five programs make the same spans, each in its own interpreter and with default options:

* ``legacy``: an OpenCensus program on the retired SDK, in ``LEGACY_PYTHON`` (default ``.venvs/legacy/bin/python``);
* ``official``: an OpenTelemetry program with azure-monitor-opentelemetry-exporter, in ``OFFICIAL_PYTHON`` (``.venvs/official/bin/python``);
* ``census-compat``: the OpenCensus program, unchanged, in this interpreter;
* ``native``: the OpenTelemetry program with this package's exporter, and with its processor, which ``configure`` uses, too;
* ``bare SDK``: the OpenTelemetry program with an exporter that throws away what it gets: what no exporter can be faster than.

A program makes spans as fast as it can while fewer than 8,000 of them are not yet accepted, which OpenCensus's queue holds by default:
so nothing has to be dropped, and what is measured is what the whole way from span to item sustains. The endpoint runs in this process,
only counts, and tells what it has accepted through a shared page, which costs the programs nothing.

Prints items accepted per second; CPU time of the program per item, all in all and of the thread that makes the spans; bytes on the wire
per item; what was dropped; and peak memory. For this package also the same after more and more items. Ends with 1 when a limit is not
kept. A package whose environment is missing is left out. (The official exporter adds an item about the resource to each batch: its rate
is so much too high, and its number of dropped spans is at least 0.)

One process makes, converts and sends, so one interpreter lock bounds the rate: it is about one over the CPU time per item. In the native
program more than half of that is the OpenTelemetry SDK's, for making a span and keeping it until it is exported, which the last line
shows alone. The facade's spans are made without most of it.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import rows

ROOT = Path(__file__).resolve().parent.parent
TURNS = 3
WARM_UP = 4_000
WINDOW = 8_000
"""Most spans that are not yet accepted."""
QUEUE = 8_192
"""Spans that wait at most: OpenCensus's default, so OpenTelemetry's processors get the same."""
PATIENCE_S = 20.0
"""How long a program waits for its last items."""
STAGES = {
    "legacy": (20_000,),
    "official": (10_000,),
    "census-compat": (1_000, 20_000),
    "native": (1_000, 20_000),
    "bare SDK": (20_000,),
}
"""Spans that a program makes, stage after stage; the last gives the rate."""
LONG_STAGES = {"census-compat": (100_000, 1_000_000), "native": (100_000,)}
"""Further stages, in the first turn."""
LIMITS = (
    ("census-compat", "legacy", "items/s", 4.4),
    ("native", "official", "items/s", 6.3),
)
MAX_CPU = (("census-compat", "legacy", 0.2), ("native", "official", 0.145))
"""CPU time of the process for each item: it decides the rate, and a busy machine changes it less."""
MAX_BYTES_OF_LEGACY = 0.08
MAX_PEAK_OF_LEGACY = 0.6
MAX_GROWTH_OF_COST = 1.5
"""CPU time per item of the last stage against that of the first, a thousand times shorter one. That one is made before much of it is
sent, so that the cores, which are often halves of one, do not slow each other down."""
MAX_GROWTH_MIB = 8.0
"""Peak memory after the last stage against that after the one that gives the rate."""

# What instrumentations of web frameworks, requests and psycopg2 set, under the old conventions, which all packages know.
REQUEST = {
    "http.method": "GET",
    "http.scheme": "https",
    "http.host": "shop.example.com",
    "http.route": "/orders/{id}",
    "http.flavor": "1.1",
    "http.user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "http.status_code": 200,
    "net.peer.ip": "203.0.113.9",
}
QUERY = {
    "component": "postgresql",
    "db.system": "postgresql",
    "db.name": "orders",
    "db.statement": "SELECT id, state FROM orders WHERE id = %s",
    "db.user": "shop",
    "net.peer.name": "pg.example.com",
    "net.peer.port": 5432,
}
CALL = {"component": "HTTP", "http.method": "GET", "http.status_code": 200}
SPANS_PER_REQUEST = 4


def census():
    """Return a function that makes one request's spans with OpenCensus, and one that sends what waits."""
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.span import SpanKind
    from opencensus.trace.tracer import Tracer

    exporter = AzureExporter()
    sampler = AlwaysOnSampler()

    def request(index):
        tracer = Tracer(exporter=exporter, sampler=sampler)
        with tracer.span("GET /orders/{id}") as span:
            span.span_kind = SpanKind.SERVER
            for key, value in REQUEST.items():
                span.add_attribute(key, value)
            span.add_attribute("http.url", f"https://shop.example.com/orders/{index}")
            span.add_attribute("http.path", f"/orders/{index}")
            span.add_attribute("tenant", f"t{index % 7}")
            with tracer.span("SELECT orders") as child:
                child.span_kind = SpanKind.CLIENT
                for key, value in QUERY.items():
                    child.add_attribute(key, value)
            with tracer.span("GET") as child:
                child.span_kind = SpanKind.CLIENT
                for key, value in CALL.items():
                    child.add_attribute(key, value)
                child.add_attribute("http.url", f"https://stock.example.com/items/{index}")
            with tracer.span("price") as child:
                child.add_attribute("items", index % 5)
                child.add_attribute("currency", "EUR")

    return request, lambda: exporter._queue.flush(PATIENCE_S)


def opentelemetry(exporter, processor=None):
    """Return the same with OpenTelemetry.

    Args:
        exporter: Of spans.
        processor: Class of what queues them; None means the SDK's.
    """
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind

    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor((processor or BatchSpanProcessor)(exporter, max_queue_size=QUEUE))
    # The official exporter asks the global provider for its resource, batch by batch.
    trace.set_tracer_provider(provider)
    tracer = provider.get_tracer("shop")

    def request(index):
        attributes = {
            **REQUEST,
            "http.url": f"https://shop.example.com/orders/{index}",
            "http.path": f"/orders/{index}",
            "tenant": f"t{index % 7}",
        }
        with tracer.start_as_current_span("GET /orders/{id}", kind=SpanKind.SERVER, attributes=attributes):
            with tracer.start_as_current_span("SELECT orders", kind=SpanKind.CLIENT, attributes=QUERY):
                pass
            call = {**CALL, "http.url": f"https://stock.example.com/items/{index}"}
            with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT, attributes=call):
                pass
            with tracer.start_as_current_span("price", attributes={"items": index % 5, "currency": "EUR"}):
                pass

    return request, provider.force_flush


def official():
    """Return the OpenTelemetry program with the official exporter."""
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter

    return opentelemetry(AzureMonitorTraceExporter())


def native():
    """Return the OpenTelemetry program with this package's exporter and its processor."""
    from appinsights_exporter import ApplicationInsightsSpanExporter, ApplicationInsightsSpanProcessor

    return opentelemetry(ApplicationInsightsSpanExporter(), ApplicationInsightsSpanProcessor)


def bare(page):
    """Return the OpenTelemetry program with an exporter that accepts everything and sends nothing."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        taken = 0

        def export(self, spans):
            self.taken += len(spans)
            page.write(self.taken, 0)
            return SpanExportResult.SUCCESS

    return opentelemetry(Nowhere())


CONTESTANTS = {
    "legacy": (os.environ.get("LEGACY_PYTHON", str(ROOT / ".venvs" / "legacy" / "bin" / "python")), census),
    "official": (os.environ.get("OFFICIAL_PYTHON", str(ROOT / ".venvs" / "official" / "bin" / "python")), official),
    "census-compat": (sys.executable, census),
    "native": (sys.executable, native),
    "bare SDK": (sys.executable, bare),
}


class Page:
    """How many items the endpoint has accepted and how many bytes came, readable from other processes.

    Args:
        path: Of a file, made by the first process.
    """

    def __init__(self, path):
        path = Path(path)
        if not path.exists():
            path.write_bytes(bytes(16))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 16)

    def write(self, accepted, size_bytes):
        """Tell what has arrived so far."""
        self._map[:] = struct.pack("=QQ", accepted, size_bytes)

    def read(self):
        """Return items accepted and bytes received."""
        return struct.unpack("=QQ", self._map[:])


def peak_mib():
    """Return the most memory that this process has had so far, MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def stage(request, flush, page, spans):
    """Make so many spans and wait until they are accepted; return the figures."""
    before, size_before = page.read()
    started_s, cpu_s, own_s = time.perf_counter(), time.process_time(), time.thread_time()
    made = 0
    while made < spans:
        request(made)
        made += SPANS_PER_REQUEST
        while made - (page.read()[0] - before) > WINDOW:
            waited_s = time.perf_counter() - started_s
            if waited_s > PATIENCE_S + spans / 1000:
                break
            time.sleep(0.001)
    making_s = time.thread_time() - own_s
    flush()
    until_s = time.perf_counter() + PATIENCE_S
    while page.read()[0] - before < made and time.perf_counter() < until_s:
        time.sleep(0.0005)
    accepted, size_bytes = page.read()
    return {
        "made": made,
        "accepted": accepted - before,
        "items/s": (accepted - before) / (time.perf_counter() - started_s),
        "cpu": (time.process_time() - cpu_s) / made * 1e6,
        "making": making_s / made * 1e6,
        "bytes": (size_bytes - size_before) / max(1, accepted - before),
        "peak": peak_mib(),
    }


def work(name, path, stages):
    """Run one contestant's stages in this process and print their figures."""
    page = Page(path)
    make = CONTESTANTS[name][1]
    request, flush = make(page) if make is bare else make()
    stage(request, flush, page, WARM_UP)
    print(json.dumps([stage(request, flush, page, spans) for spans in stages]), flush=True)


def serve(endpoint, page, stopping):
    """Keep the page up to date."""
    known = 0
    size_bytes = 0
    while not stopping.is_set():
        try:
            arrived = endpoint.wait_for_requests(lambda requests, known=known: len(requests) > known, timeout_s=0.5)
        except TimeoutError:
            continue
        size_bytes += sum(request.raw_bytes for request in arrived[known:])
        known = len(arrived)
        page.write(endpoint.accepted, size_bytes)


def measured(name, stages, script=__file__, python=None):
    """Return the figures of one contestant's stages, or None when its interpreter does not exist.

    Args:
        name: Of the contestant.
        stages: How many items it makes, stage after stage.
        script: The file that is run with the name, the path of the page, and the stages.
        python: Its interpreter; None knows it.
    """
    python = CONTESTANTS[name][0] if python is None else python
    if not Path(python).exists():
        return None
    sys.path[:0] = [str(ROOT / "src")]
    from opencensus_compat.local import LocalEndpoint

    with tempfile.TemporaryDirectory() as folder, LocalEndpoint(store=False) as endpoint:
        path = str(Path(folder, "page"))
        stopping = threading.Event()
        teller = threading.Thread(target=serve, args=(endpoint, Page(path), stopping))
        teller.start()
        environment = {
            **os.environ,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
            "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
            "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
            "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
            "TMPDIR": folder,
        }
        command = [python, script, name, path, *map(str, stages)]
        try:
            return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        finally:
            stopping.set()
            teller.join()


def main():
    """Measure by turns, print the tables, and return the exit code."""
    stages = {}

    def turn(name):
        plan = STAGES[name]
        found = measured(name, plan if name in stages else (*plan, *LONG_STAGES.get(name, ())))
        if found is None:
            return None
        stages.setdefault(name, found)
        figures = found[len(plan) - 1]
        return {**figures, "dropped": figures["made"] - figures["accepted"]}

    figures = rows.by_turns(STAGES, turn, TURNS)
    print(f"sustained, best of {TURNS} turns; {os.cpu_count()} cores, the endpoint among them")
    print(f"  {'':14} {'items/s':>8} {'CPU us/item':>12} {'making spans':>13} {'bytes/item':>11} {'dropped':>8} {'peak MiB':>9}")
    for name, found in figures.items():
        if not found:
            print(f"  {name:14} not installed")
            continue
        at = found["items/s"].index(max(found["items/s"]))
        best = {column: each[at] for column, each in found.items()}
        print(
            f"  {name:14} {best['items/s']:8.0f} {best['cpu']:12.1f} {best['making']:13.1f} {best['bytes']:11.1f} "
            f"{best['dropped']:8} {best['peak']:9.1f}"
        )
    print("stage after stage of one process")
    for name in LONG_STAGES:
        for each in stages[name]:
            print(
                f"  {name:14} {each['made']:9} items {each['items/s']:8.0f} items/s {each['cpu']:6.1f} us CPU/item "
                f"{each['peak']:6.1f} MiB peak"
            )
    return judged(figures, stages)


def judged(figures, stages):
    """Print the rows and return the exit code."""
    table = rows.Rows()
    for mine, other, unit, limit in LIMITS:
        table.ratio(f"{mine}, {unit}", f"of {other}", figures[mine].get(unit), figures[other].get(unit), limit, at_least=True)
    for mine, other, limit in MAX_CPU:
        table.ratio(f"{mine}, CPU per item", f"of {other}", figures[mine].get("cpu"), figures[other].get("cpu"), limit)
    ours, legacy = figures["census-compat"], figures["legacy"]
    table.ratio("census-compat, bytes", "of legacy", ours["bytes"], legacy.get("bytes"), MAX_BYTES_OF_LEGACY)
    for name in LONG_STAGES:
        found, base = stages[name], stages[name][len(STAGES[name]) - 1]
        first, last = found[0], found[-1]
        path = f"{name}, CPU per item of {last['made']:,}"
        table.ratio(path, f"of {first['made']:,}", [last["cpu"]], [first["cpu"]], MAX_GROWTH_OF_COST)
        table.figure(f"{name}, peak of memory above that after {base['made']:,}", "MiB", [last["peak"] - base["peak"]], MAX_GROWTH_MIB)
        if name == "census-compat" and legacy:
            path = f"{name}, peak of memory after {last['made']:,}"
            table.ratio(path, f"of legacy after {STAGES['legacy'][-1]:,}", [last["peak"]], legacy["peak"], MAX_PEAK_OF_LEGACY)
        table.figure(f"{name}, dropped", "items", [sum(each["made"] - each["accepted"] for each in found)], 0)
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(sys.argv[1], sys.argv[2], [int(spans) for spans in sys.argv[3:]])
        sys.stdout.flush()
        os._exit(0)  # the exporters' exit hooks are not part of it
    sys.exit(main())
