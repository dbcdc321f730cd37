from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

exporter = AzureExporter()


def get_tracer():
    return Tracer(exporter=exporter, sampler=AlwaysOnSampler())
