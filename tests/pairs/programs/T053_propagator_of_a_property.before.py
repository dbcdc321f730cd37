from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation import trace_context_http_header_format as w3c
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

exporter = AzureExporter()


class Server:
    def __init__(self, name, form=None):
        self.name = name
        self.form = form or w3c.TraceContextPropagator()

    def serve(self, headers):
        context = self.form.from_headers(headers)
        tracer = Tracer(span_context=context, exporter=exporter, sampler=AlwaysOnSampler())
        with tracer.span(name=self.name):
            sent = self.form.to_headers(tracer.span_context)
        return sent


class Client:
    @property
    def propagator(self):
        return w3c.TraceContextPropagator()

    def call(self, sent):
        tracer = Tracer(span_context=self.propagator.from_headers(sent), exporter=exporter, sampler=AlwaysOnSampler())
        with tracer.span(name="call"):
            pass


Client().call(Server("serve").serve({"traceparent": "00-11111111111111111111111111111111-2222222222222222-01"}))
