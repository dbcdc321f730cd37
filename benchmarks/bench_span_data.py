"""What a span costs the program that makes it where its exporter is of the program's own or another vendor's, beside the retired SDK.

Run ``python benchmarks/bench_span_data.py``. One interpreter per contestant, started by turns; each measures CPU time of its own thread,
and keeps every round: the table has the best and the median. The exporter puts what it is given aside, as one does whose thread sends.

* ``root``: a span, one attribute, end.
* ``nested``: one inside another, each with an attribute.
* ``child``: one inside an open span.
* ``fields``: a root whose exporter reads every field of the `SpanData` at once, as with a synchronous transport.
* ``request``: a tracer for each span.
* ``headers``: the same, continuing the trace of a request's headers.
* ``unsampled``: one unsampled request: a tracer, a span, one attribute, end; ``unsampled headers``: of a request whose headers say so.
* ``unsampled five``: the same with five attributes, set by `add_attribute_to_current_span`.
* ``unsampled roots``: unsampled spans of one global tracer.

The floor is the bare OpenTelemetry SDK's span, start to end without any processor. The retired SDK is that of ``LEGACY_PYTHON`` (default
``.venvs/legacy/bin/python``). Ends with 1 when a limit is not kept.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time

from bench_span import LEGACY_PYTHON

TURNS = 3
ROUNDS = 9
CALLS = 3_000
LIMITS = {
    "root": 1.0,
    "nested": 1.0,
    "child": 1.0,
    "fields": 1.0,
    "request": 1.0,
    "headers": 1.1,
    "unsampled": 0.6,
    "unsampled headers": 0.8,
    "unsampled five": 0.7,
    "unsampled roots": 1.7,
}
"""Workload, and the most that census-compat may cost of what the retired SDK costs."""


def census_workloads():
    """Return the workloads on whichever ``opencensus`` this interpreter has."""
    from opencensus.trace.base_exporter import Exporter
    from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
    from opencensus.trace.samplers import AlwaysOnSampler, ProbabilitySampler
    from opencensus.trace.tracer import Tracer

    class Aside(Exporter):
        def __init__(self):
            self.batch = []

        def export(self, span_datas):
            self.batch.append(span_datas)
            if len(self.batch) > 512:
                self.batch = []

        def emit(self, span_datas):
            pass

    class Fields(Aside):
        def export(self, span_datas):
            super().export([[*data, data.context.trace_id, dict(data.attributes), [*data.annotations]] for data in span_datas])

    aside, always, never, propagator = Aside(), AlwaysOnSampler(), ProbabilitySampler(0.0), TraceContextPropagator()
    tracer, reader, unsampled_tracer = (
        Tracer(sampler=sampler, exporter=exporter) for sampler, exporter in ((always, aside), (always, Fields()), (never, aside))
    )
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"

    def span(of):
        with of.span("work") as span:
            span.add_attribute("key", "value")

    def nested():
        with tracer.span("outer") as outer:
            outer.add_attribute("key", "value")
            span(tracer)

    def five():
        request_tracer = Tracer(sampler=never, exporter=aside)
        with request_tracer.span("work"):
            for _ in range(5):
                request_tracer.add_attribute_to_current_span("key", "value")

    def request(sampler, flags=None):
        def call():
            context = None if flags is None else propagator.from_headers({"traceparent": f"{trace}-{flags}"})
            span(Tracer(span_context=context, sampler=sampler, exporter=aside))

        return call

    return {
        "root": lambda: span(tracer),
        "nested": nested,
        "child": (lambda: tracer.span("outer"), lambda: span(tracer)),
        "fields": lambda: span(reader),
        "request": request(always),
        "headers": request(always, "01"),
        "unsampled": request(never),
        "unsampled headers": request(never, "00"),
        "unsampled five": five,
        "unsampled roots": lambda: span(unsampled_tracer),
    }


def opentelemetry():
    """Return the bare SDK's span, which nothing sees end."""
    from opentelemetry.sdk.trace import TracerProvider

    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")

    def root():
        with tracer.start_as_current_span("work") as span:
            span.set_attribute("key", "value")

    return {"root": root}


def measure(workloads):
    """Return microseconds of CPU per call, for each workload and round."""
    found = {}
    for name, workload in workloads.items():
        around, call = workload if isinstance(workload, tuple) else (None, workload)
        outer = around() if around else None
        if outer is not None:
            outer.__enter__()
        found[name] = []
        for _ in range(ROUNDS):
            gc.collect()
            started = time.thread_time_ns()
            for _ in range(CALLS):
                call()
            found[name].append((time.thread_time_ns() - started) / CALLS / 1000)
        if outer is not None:
            outer.__exit__(None, None, None)
    return found


CONTESTANTS = {
    "legacy": (LEGACY_PYTHON, census_workloads),
    "opentelemetry": (sys.executable, opentelemetry),
    "census-compat": (sys.executable, census_workloads),
}


def main():
    """Measure by turns, print the table, and return whether the limits are kept."""
    rounds = {name: {} for name in CONTESTANTS}
    for _ in range(TURNS):
        for name, (python, _) in CONTESTANTS.items():
            answer = subprocess.run([python, "-W", "ignore", __file__, name], capture_output=True, text=True, check=True)
            for workload, spent in json.loads(answer.stdout).items():
                rounds[name].setdefault(workload, []).extend(spent)
    print("microseconds of CPU per call: best (median) of", TURNS * ROUNDS, "rounds")
    kept = True
    for workload, limit in LIMITS.items():
        ours, legacy = rounds["census-compat"][workload], rounds["legacy"][workload]
        ratio, median = min(ours) / min(legacy), statistics.median(ours) / statistics.median(legacy)
        kept &= ratio <= limit
        times = "  ".join(
            f"{name} {min(spent):6.2f} ({statistics.median(spent):6.2f})" for name, spent in (("ours", ours), ("legacy", legacy))
        )
        print(f"  {workload:18} {times}  ratio {ratio:5.2f} ({median:5.2f})  limit {limit:4.2f}  {'ok' if ratio <= limit else 'MISSED'}")
    print(f"  floor: a span of the bare SDK, start to end: {min(rounds['opentelemetry']['root']):.2f}")
    return kept


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(CONTESTANTS[sys.argv[1]][1]())), flush=True)
        os._exit(0)  # what is queued is for nobody
    sys.exit(0 if main() else 1)
