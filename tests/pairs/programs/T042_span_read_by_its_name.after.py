from types import SimpleNamespace

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def sell(order):
    with tracer.start_as_current_span("sell") as span:
        order.state.span = span
        with tracer.start_as_current_span("price"):
            price(order)


def price(order):
    parent_span = getattr(order.state, "span", None)
    if parent_span is not None:
        parent_span.set_attribute("items", 2)
    span = trace.get_current_span() if trace.get_current_span().get_span_context().is_valid else getattr(order.state, "span", None)
    if span:
        span.set_attribute("price", 7)
        span.add_event("priced")


sell(SimpleNamespace(state=SimpleNamespace()))
price(SimpleNamespace(state=SimpleNamespace()))
