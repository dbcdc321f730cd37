from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="charge") as span:
    try:
        raise ValueError("no money")
    except ValueError as error:
        status = Status.from_exception(error)
        span.set_status(status)
