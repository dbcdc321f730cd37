from __future__ import annotations

from typing import TYPE_CHECKING

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

if TYPE_CHECKING:
    from opentelemetry.trace import Span

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def charge(span: Span, amount: float) -> None:
    span.set_attribute("amount", amount)


with tracer.start_as_current_span("checkout") as span:
    charge(span, 12.5)
