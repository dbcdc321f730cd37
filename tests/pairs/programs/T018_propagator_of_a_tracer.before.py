from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


class Client:
    def __init__(self, tracer):
        self._tracer = tracer

    def call(self, headers):
        with self._tracer.span(name="call") as span:
            sent = self._tracer.propagator.to_headers(self._tracer.span_context)
            span.add_attribute("length", len(sent["traceparent"]))
            headers.update(tracer.propagator.to_headers(tracer.span_context))
            span.add_attribute("sent", sorted(headers))


Client(tracer).call({"accept": "text/plain"})
