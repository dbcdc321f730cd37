"""What a span costs the program that makes it, beside the retired SDK and the bare OpenTelemetry SDK.

Run ``python benchmarks/bench_span.py``. One interpreter per contestant, started by turns; each measures CPU time of its own thread and
keeps the best of many rounds. Every contestant hands its spans to its own batching queue, whose thread is not due during the test, so
the figures are what a request pays, export excluded.

* ``root``: a span, one attribute, end.
* ``child``: the same inside an open span.
* ``unsampled``: one unsampled request: a tracer, a span, one attribute, end.

The retired SDK is that of ``LEGACY_PYTHON`` (default ``.venvs/legacy/bin/python``). Ends with 1 when a limit is not kept.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import rows

ROOT = Path(__file__).resolve().parent.parent
LEGACY_PYTHON = os.environ.get("LEGACY_PYTHON", str(ROOT / ".venvs" / "legacy" / "bin" / "python"))
TURNS = 3
ROUNDS = 7
CALLS = 5_000
CONNECTION_STRING = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:9/"
IDLE = {"queue_capacity": 10**6, "max_batch_size": 10**6, "export_interval": 3600.0}
LIMITS = (
    ("root", "legacy", 0.42),
    ("root", "opentelemetry", 0.53),
    ("child", "legacy", 0.42),
    ("child", "opentelemetry", 0.5),
    ("unsampled", "legacy", 0.53),
)


def census_workloads():
    """Return the workloads on whichever ``opencensus`` this interpreter has."""
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler, ProbabilitySampler
    from opencensus.trace.tracer import Tracer

    exporter = AzureExporter(connection_string=CONNECTION_STRING, enable_local_storage=False, **IDLE)
    tracer = Tracer(sampler=AlwaysOnSampler(), exporter=exporter)
    never = ProbabilitySampler(0.0)

    def root():
        with tracer.span("work") as span:
            span.add_attribute("key", "value")

    def unsampled():
        request_tracer = Tracer(sampler=never, exporter=exporter)
        with request_tracer.span("work") as span:
            span.add_attribute("key", "value")

    return {"root": root, "child": (tracer.span, root), "unsampled": unsampled}


def legacy():
    """Return the retired SDK's workloads, with its worker thread standing still."""
    from opencensus.ext.azure.common import exporter

    exporter.Worker.run = lambda self: None
    return census_workloads()


def opentelemetry():
    """Return the bare SDK's workloads."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans):
            return SpanExportResult.SUCCESS

    processor = BatchSpanProcessor(Nowhere(), max_queue_size=10**6, max_export_batch_size=10**6, schedule_delay_millis=3_600_000)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("benchmark")

    def root():
        with tracer.start_as_current_span("work") as span:
            span.set_attribute("key", "value")

    return {"root": root, "child": (lambda: tracer.start_as_current_span("outer"), root)}


def measure(workloads, calls=CALLS, rounds=ROUNDS):
    """Return microseconds of CPU per call, the best round of each workload."""
    best = {}
    for name, workload in workloads.items():
        around, call = workload if isinstance(workload, tuple) else (None, workload)
        outer = around() if around else None
        if outer is not None:
            outer.__enter__()
        for _ in range(rounds):
            gc.collect()
            started = time.thread_time_ns()
            for _ in range(calls):
                call()
            spent = (time.thread_time_ns() - started) / calls / 1000
            best[name] = min(best.get(name, spent), spent)
        if outer is not None:
            outer.__exit__(None, None, None)
    return best


CONTESTANTS = {
    "legacy": (LEGACY_PYTHON, legacy),
    "opentelemetry": (sys.executable, opentelemetry),
    "census-compat": (sys.executable, census_workloads),
}


def run(name):
    """Measure one contestant in its own interpreter."""
    environment = {**os.environ, "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true"}
    command = [CONTESTANTS[name][0], __file__, name]
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def main():
    """Measure by turns, print the table, and return the exit code."""
    figures = rows.by_turns(CONTESTANTS, run, TURNS)
    print("microseconds of CPU per span (unsampled: per request), best of", TURNS * ROUNDS, "rounds")
    rows.show(figures)
    table = rows.Rows()
    for workload, other, limit in LIMITS:
        table.ratio(workload, f"of {other}", figures["census-compat"][workload], figures[other][workload], limit)
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(CONTESTANTS[sys.argv[1]][1]())), flush=True)
        os._exit(0)  # what is queued is for nobody
    sys.exit(main())
