from appinsights_exporter import configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


class Client:
    def __init__(self, tracer):
        self._tracer = tracer

    def call(self, headers):
        with self._tracer.start_as_current_span("call") as span:
            sent = {}
            propagate.inject(sent)
            span.set_attribute("length", len(sent["traceparent"]))
            propagate.inject(headers)
            span.set_attribute("sent", sorted(headers))


Client(tracer).call({"accept": "text/plain"})
