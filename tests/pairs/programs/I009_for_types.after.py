from __future__ import annotations

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def charge(span: trace.Span, amount: float) -> None:
    span.set_attribute("amount", amount)


with tracer.start_as_current_span("checkout") as span:
    charge(span, 12.5)
