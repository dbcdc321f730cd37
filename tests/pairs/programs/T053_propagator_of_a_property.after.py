from appinsights_exporter import configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

configure(signals=["traces"], sampler=ALWAYS_ON)


class Server:
    def __init__(self, name):
        self.name = name

    def serve(self, headers):
        context = propagate.extract(headers)
        tracer = trace.get_tracer(__name__)
        with tracer.start_as_current_span(self.name, context=context):
            sent = {}
            propagate.inject(sent)
        return sent


class Client:
    @property
    def propagator(self):
        return TraceContextTextMapPropagator()

    def call(self, sent):
        tracer = trace.get_tracer(__name__)
        with tracer.start_as_current_span("call", context=propagate.extract(sent)):
            pass


Client().call(Server("serve").serve({"traceparent": "00-11111111111111111111111111111111-2222222222222222-01"}))
