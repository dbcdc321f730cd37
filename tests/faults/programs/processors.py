"""Makes spans as census.py does, through a telemetry processor that sleeps for each item, or raises for some."""

import json
import sys
import time

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def slow(envelope):
    time.sleep(1.5)


def ends_threads(envelope):
    if envelope.data.baseData.name.endswith("3"):
        raise SystemExit(1)


exporter = AzureExporter(**json.loads(sys.argv[1]))
exporter.add_telemetry_processor({"slow": slow, "ends threads": ends_threads}[sys.argv[2]])
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
for line in sys.stdin:
    first, last = map(int, line.split())
    for number in range(first, last):
        with tracer.span(name=f"item {number}"):
            pass
    print("made", last, flush=True)
