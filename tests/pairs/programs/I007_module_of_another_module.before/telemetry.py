from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = None


def start():
    global tracer
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
