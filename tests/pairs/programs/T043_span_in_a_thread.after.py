import threading

from appinsights_exporter import configure
from opentelemetry import context, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def pack(parent):
    context.attach(trace.set_span_in_context(parent))
    with tracer.start_as_current_span("pack"):
        pass
    with tracer.start_as_current_span("label"):
        pass


with tracer.start_as_current_span("ship") as span:
    packing = threading.Thread(target=pack, args=(span,))
    packing.start()
    packing.join()
