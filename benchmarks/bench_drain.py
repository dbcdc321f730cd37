"""An outage is over: how fast what was kept on disk is sent, and what new telemetry has of it.

Run ``python benchmarks/bench_drain.py``. A process finds 60,000 items in its store, and an endpoint on the same machine that takes all of
them. Meanwhile it exports a small batch of new spans ten times a second, as a busy program does, and afterwards the same without a drain.

Rows: wall time for each kept item (100 us are 10,000 items/s), and by how much a new batch takes longer while the drain runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import rows

ROOT = Path(__file__).resolve().parent.parent
ITEMS = 60_000
GROUP = 500
NEW = 16
EVERY_S = 0.1
QUIET = 20
TURNS = 1
MAX_US = 100.0
MAX_LONGER_MS = 50.0
"""One group of kept items is on its way at a time, so a new batch never waits for more than that."""


def spans(number):
    """Return ended spans."""
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    made = []

    class Collect(SpanProcessor):
        def on_end(self, span):
            made.append(span)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Collect())
    for index in range(number):
        provider.get_tracer("shop").start_span("price", attributes={"items": index, "currency": "EUR"}).end()
    return made


def work(connection_string, folder):
    """Fill the store as an outage does, then drain it beside new telemetry; print the figures."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "src" / "exporter")]
    from appinsights_exporter import ApplicationInsightsSpanExporter
    from appinsights_exporter.delivery import names
    from appinsights_exporter.delivery.store import Store
    from appinsights_exporter.settings import resolve

    settings = resolve(connection_string, storage_folder=folder, environ={})
    exporter = ApplicationInsightsSpanExporter(settings=settings)
    made = spans(GROUP)
    kept = [item for one in made for item in map(json.dumps, exporter.envelopes(one))]
    store = Store(
        names.default_folder(settings.instrumentation_key, settings.ingestion_endpoint, folder), max_bytes=settings.storage_max_bytes
    )
    for _ in range(ITEMS // GROUP):
        store.put([item.encode() for item in kept])

    def new_batch():
        started_s = time.perf_counter()
        exporter.export(made[:NEW])
        return (time.perf_counter() - started_s) * 1e3

    beside = []
    started_s = time.perf_counter()
    while exporter.counts.snapshot().sent - NEW * len(beside) < ITEMS:
        beside.append(new_batch())
        time.sleep(EVERY_S)
    drain_s = time.perf_counter() - started_s
    quiet = []
    for _ in range(QUIET):
        quiet.append(new_batch())
        time.sleep(EVERY_S)
    print(
        json.dumps({"us": drain_s / ITEMS * 1e6, "beside": beside, "quiet": quiet, "dropped": exporter.counts.snapshot().dropped}),
        flush=True,
    )


def measured(_name):
    """Return the figures of one run."""
    sys.path[:0] = [str(ROOT / "src")]
    from opencensus_compat.local import LocalEndpoint

    with tempfile.TemporaryDirectory() as folder, LocalEndpoint(store=False) as endpoint:
        command = [sys.executable, __file__, endpoint.connection_string, folder]
        found = json.loads(subprocess.run(command, env={**os.environ, "TMPDIR": folder}, capture_output=True, text=True, check=True).stdout)
    beside, quiet = (quantiles(found[name], n=20)[18] for name in ("beside", "quiet"))
    print(
        f"  {1e6 / found['us']:8.0f} items/s; new batches, 95 of 100 within: {beside:.1f} ms beside the drain, {quiet:.1f} ms without; {found['dropped']}"
    )
    return {"us": found["us"], "longer": beside - quiet}


def main():
    """Measure, print the rows, and return the exit code."""
    print(f"{ITEMS:,} kept items, best of {TURNS}")
    figures = rows.by_turns(("drain",), measured, TURNS)["drain"]
    table = rows.Rows()
    table.figure("kept items, wall time for each", "us", figures["us"], MAX_US)
    table.figure("new batch beside them, longer by", "ms", figures["longer"], MAX_LONGER_MS)
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(*sys.argv[1:])
        sys.stdout.flush()
        os._exit(0)  # the exit hooks are not part of it
    sys.exit(main())
