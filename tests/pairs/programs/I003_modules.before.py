import opencensus.ext.azure.trace_exporter
import opencensus.trace.samplers
import opencensus.trace.tracer

tracer = opencensus.trace.tracer.Tracer(
    exporter=opencensus.ext.azure.trace_exporter.AzureExporter(),
    sampler=opencensus.trace.samplers.AlwaysOnSampler(),
)

with tracer.span(name="checkout"):
    pass
