"""Memory of an unchanged OpenCensus program that uses all three signals, beside the retired SDK.

Run ``python benchmarks/bench_memory.py``. Each program runs in its own interpreter, and sends to an endpoint on the same machine:

* ``all signals``: an exporter of spans, a log handler and a metrics exporter are set up, and each has sent something;
* ``queue full``: after that the endpoint is silent, and 8,192 spans with five attributes wait in the queue.

What a million items leave behind is measured by ``bench_delivery``. Rows: memory that is resident above that of a bare interpreter, of the
retired SDK's.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import bench_delivery
import rows

TURNS = 2
SPANS = 8_192
LIMITS = {"all signals": 0.57, "queue full": 0.42}
"""Of what the first takes, 11.6 MiB are ssl, OpenTelemetry's SDK and orjson."""


def resident_mib():
    """Return the memory of this process that is in RAM, MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def work():
    """Set up all signals, fill the queue when told to, and print the figures."""
    bare_mib = resident_mib()
    from opencensus.ext.azure import metrics_exporter
    from opencensus.ext.azure.log_exporter import AzureLogHandler
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.stats import aggregation, measure, stats, view
    from opencensus.tags import tag_map
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer

    exporter = AzureExporter()
    handler = AzureLogHandler()
    metrics = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=3600.0)
    size = measure.MeasureInt("size", "of an order", "1")
    stats.stats.view_manager.register_exporter(metrics)
    stats.stats.view_manager.register_view(view.View("sizes", "", [], size, aggregation.SumAggregation()))
    measured_map = stats.stats.stats_recorder.new_measurement_map()
    measured_map.measure_int_put(size, 1)
    measured_map.record(tag_map.TagMap())
    logger = logging.getLogger("shop")
    logger.addHandler(handler)
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span("first"):
        logger.warning("said")
    metrics.export_metrics(stats.stats.get_metrics())
    handler.flush()
    exporter._queue.flush(10)
    ready_mib = resident_mib()
    print("ready", flush=True)
    sys.stdin.readline()
    for index in range(SPANS):
        with tracer.span("SELECT orders") as span:
            for key, value in bench_delivery.CALL.items():
                span.add_attribute(key, value)
            span.add_attribute("order", index)
    print(json.dumps({"all signals": ready_mib - bare_mib, "queue full": resident_mib() - bare_mib}), flush=True)


def turn(name):
    """Return the figures of one contestant, or None where its interpreter does not exist."""
    python = bench_delivery.CONTESTANTS[name][0]
    if not Path(python).exists():
        return None
    sys.path[:0] = [str(bench_delivery.ROOT / "src")]
    from opencensus_compat.local import LocalEndpoint

    with tempfile.TemporaryDirectory() as folder, LocalEndpoint(store=False) as endpoint:
        environment = {
            **os.environ,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
            "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
            "TMPDIR": folder,
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        with subprocess.Popen([python, __file__, "work"], env=environment, **pipes) as running:
            running.stdout.readline()
            endpoint.misbehave({"rule": "silence"})
            running.stdin.write("fill\n")
            running.stdin.flush()
            return json.loads(running.stdout.readline())


def main():
    """Measure by turns, print the rows, and return the exit code."""
    rows.compile_ours()
    figures = rows.by_turns(("census-compat", "legacy"), turn, TURNS)
    print(f"MiB above a bare interpreter, best of {TURNS} turns")
    rows.show(figures, digits=1)
    table = rows.Rows()
    table.of_legacy(figures, LIMITS, ", memory")
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work()
        os._exit(0)  # the queue is full and the endpoint silent
    sys.exit(main())
