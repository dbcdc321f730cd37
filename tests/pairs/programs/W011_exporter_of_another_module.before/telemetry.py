from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

exporter = AzureExporter(export_interval=30.0)
sampler = AlwaysOnSampler()
tracer = Tracer(exporter=exporter, sampler=sampler)
