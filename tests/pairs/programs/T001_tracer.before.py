"""Orders are charged."""

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer

CONNECTION = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/"

# One tracer for the whole program.
tracer = Tracer(
    exporter=AzureExporter(connection_string=CONNECTION),
    sampler=ProbabilitySampler(1.0),
)


def charge(cart):
    with tracer.span(name="charge") as span:  # paid by card
        span.add_attribute("cart", cart)


charge("c-42")
