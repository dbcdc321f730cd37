from appinsights_exporter import configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)


def handle(headers):
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span("handle", context=propagate.extract(headers)):
        pass


handle({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
