from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("charge") as span:
    try:
        raise ValueError("no money")
    except ValueError as error:
        status = trace.Status(trace.StatusCode.ERROR, str(error))
        span.set_status(status)
