from appinsights_exporter import configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def sent() -> dict[str, str]:
    carrier = {}
    propagate.inject(carrier)
    return carrier


def call(url: str, headers: dict[str, str]) -> str:
    _, trace_id, span_id, _ = headers["traceparent"].split("-")
    return f"{url} {trace_id} {span_id}"


with tracer.start_as_current_span("checkout") as span:
    carrier = {}
    propagate.inject(carrier)
    span.set_attribute("sent", call("/orders", headers=carrier))
    span.set_attribute("again", call("/orders", sent()))
