import sys

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.stack_trace import StackTrace
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="checkout") as span:
    try:
        raise ValueError("sold out")
    except ValueError:
        span.stack_trace = StackTrace.from_traceback(sys.exc_info()[2])
