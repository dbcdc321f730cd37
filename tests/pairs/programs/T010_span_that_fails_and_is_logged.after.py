import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

logger = logging.getLogger("orders")
logger.addHandler(ApplicationInsightsLoggingHandler())
configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def charge(cart):
    with tracer.start_as_current_span("charge"):
        raise ValueError(f"no money for {cart}")


with tracer.start_as_current_span("checkout"):
    try:
        charge("c-42")
    except ValueError:
        logger.exception("not charged")
