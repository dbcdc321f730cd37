import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

logger = logging.getLogger("orders")
logger.addHandler(ApplicationInsightsLoggingHandler())
configure(signals=["traces"], sampler=ALWAYS_OFF)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("checkout"):
    logger.warning("sold out")
