from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


class Client:
    def __init__(self, headers_callback):
        self.headers_callback = headers_callback

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def call(self):
        return sorted(self.headers_callback())


with tracer.span(name="order"):
    with Client(headers_callback=lambda: tracer.propagator.to_headers(tracer.span_context)) as client:
        for size in (1, 2):
            with tracer.span(name="call") as span:
                span.add_attribute("size", size)
                span.add_attribute("headers", str([each for each in client.call() if each == "traceparent"]))
