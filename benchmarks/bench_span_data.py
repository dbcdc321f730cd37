"""What a span costs the program that makes it where its exporter is of the program's own or another vendor's, beside the retired SDK.

Run ``python benchmarks/bench_span_data.py``; measured as in ``bench_span.py``. The exporter puts the SpanData that it is given aside, as one
does whose thread sends.

* ``root``: a span, one attribute, end.
* ``nested``: one inside another, each with an attribute.
* ``child``: one inside an open span.
* ``fields``: a root whose exporter reads every field at once, as with a synchronous transport.
* ``request``: a tracer for each span; ``request, headers``: continuing the trace of a request's headers.
* ``unsampled``: one unsampled request: a tracer, a span, one attribute, end.
* ``unsampled, headers``: the same where the request's headers say so.
* ``unsampled, inner``: the same with three spans inside.
* ``unsampled, five``: the same with five attributes, set by ``add_attribute_to_current_span``.
* ``unsampled roots``: spans of one global tracer.

Ends with 1 when a limit is not kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import rows
from bench_span import LEGACY_PYTHON, TURNS, measure

CALLS, ROUNDS = 1_500, 5

LIMITS = {
    "root": 0.8,
    "nested": 0.8,
    "child": 0.8,
    "fields": 0.85,
    "request": 0.75,
    "request, headers": 0.95,
    "unsampled": 0.53,
    "unsampled, headers": 0.75,
    "unsampled, inner": 0.85,
    "unsampled, five": 0.55,
    "unsampled roots": 1.75,
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

    def inner():
        request_tracer = Tracer(sampler=never, exporter=aside)
        with request_tracer.span("outer"):
            for _ in range(3):
                span(request_tracer)

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
        "request, headers": request(always, "01"),
        "unsampled": request(never),
        "unsampled, headers": request(never, "00"),
        "unsampled, inner": inner,
        "unsampled, five": five,
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


CONTESTANTS = {
    "legacy": (LEGACY_PYTHON, census_workloads),
    "opentelemetry": (sys.executable, opentelemetry),
    "census-compat": (sys.executable, census_workloads),
}


def run(name):
    """Measure one contestant in its own interpreter."""
    command = [CONTESTANTS[name][0], "-W", "ignore", __file__, name]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main():
    """Measure by turns, print the table, and return the exit code."""
    figures = rows.by_turns(CONTESTANTS, run, TURNS)
    print("microseconds of CPU per call, best of", TURNS * ROUNDS, "rounds; of opentelemetry, a span that nothing sees end: the floor")
    rows.show(figures)
    table = rows.Rows()
    table.of_legacy(figures, LIMITS)
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(CONTESTANTS[sys.argv[1]][1](), CALLS, ROUNDS)), flush=True)
        os._exit(0)  # what is queued is for nobody
    sys.exit(main())
