import threading

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def pack(parent):
    execution_context.set_opencensus_tracer(tracer)
    execution_context.set_current_span(parent)
    with tracer.span(name="pack"):
        pass
    with tracer.span(name="label"):
        pass


with tracer.span(name="ship") as span:
    packing = threading.Thread(target=pack, args=(span,))
    packing.start()
    packing.join()
