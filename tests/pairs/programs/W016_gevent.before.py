from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.gevent.geventcompatibility import patch_opencensus
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

patch_opencensus(event=None)  # before the pool is made
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
with tracer.span(name="job"):
    pass
