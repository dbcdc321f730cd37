import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
logger = logging.getLogger("orders")
logger.addHandler(ApplicationInsightsLoggingHandler())


def order(number):
    span = trace.get_current_span()
    if span:
        span.set_attribute("order", number)
    if not span.get_span_context().is_valid:
        logger.warning("order %s outside a span", number)


def is_traced():
    return trace.get_current_span().get_span_context().is_valid


order(1)
logger.warning("traced: %s", is_traced())
with tracer.start_as_current_span("checkout"):
    order(2)
    if (current := trace.get_current_span()).get_span_context().is_valid and is_traced():
        current.set_attribute("is_traced", True)
