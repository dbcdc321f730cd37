import os

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def tracer_of(name):
    connection_string = os.environ.get(name)
    exporter = AzureExporter(connection_string=connection_string) if connection_string else None
    return Tracer(exporter=exporter, sampler=AlwaysOnSampler())


for name in ("APPLICATIONINSIGHTS_CONNECTION_STRING", "OTHER_CONNECTION_STRING"):
    tracer = tracer_of(name)
    with tracer.span(name="sell") as span:
        span.add_attribute("of", name)
