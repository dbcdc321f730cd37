"""Makes spans with the OpenCensus SDK, as many as its standard input says: `first last` makes those numbers."""

import json
import sys

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

exporter = AzureExporter(**json.loads(sys.argv[1]))
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
for line in sys.stdin:
    first, last = map(int, line.split())
    for number in range(first, last):
        with tracer.span(name=f"item {number}"):
            pass
    print("made", last, flush=True)
