import json

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

try:
    with tracer.span(name="read") as span:
        try:
            {}["cart"]
        except KeyError as error:
            raise json.JSONDecodeError("no cart", "{}", 0) from error
except ValueError:
    pass
