from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("checkout") as span:
    try:
        raise ValueError("sold out")
    except ValueError as error:
        span.record_exception(error)
