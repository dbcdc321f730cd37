import os

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


connection_string = os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING")
exporter = AzureExporter(connection_string=connection_string) if connection_string else None
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())

with tracer.span(name="sell") as span:
    span.add_attribute("cart", "c-42")
