try:
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer

    HAS_TRACES = True
except ImportError:
    HAS_TRACES = False

if HAS_TRACES:
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="checkout"):
        pass
