from appinsights_exporter import configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


class Client:
    def __init__(self, headers_callback):
        self.headers_callback = headers_callback

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def call(self):
        return sorted(self.headers_callback())


with tracer.start_as_current_span("order"):
    def headers():
        carrier = {}
        propagate.inject(carrier)
        return carrier

    with Client(headers_callback=headers) as client:
        for size in (1, 2):
            with tracer.start_as_current_span("call") as span:
                span.set_attribute("size", size)
                span.set_attribute("headers", str([each for each in client.call() if each == "traceparent"]))
