"""Makes spans for four resources in turn, given as connection strings."""

import json
import sys

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

options = json.loads(sys.argv[1])
exporters = [AzureExporter(connection_string=text, **options) for text in json.loads(sys.argv[2])]
tracers = [Tracer(exporter=exporter, sampler=AlwaysOnSampler()) for exporter in exporters]
for line in sys.stdin:
    first, last = map(int, line.split())
    for number in range(first, last):
        with tracers[number % len(tracers)].span(name=f"item {number}"):
            pass
    print("made", last, flush=True)
