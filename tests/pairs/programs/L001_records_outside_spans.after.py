import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

logger = logging.getLogger(__name__)
logger.addHandler(ApplicationInsightsLoggingHandler())
configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

logger.warning("opened")
with tracer.start_as_current_span("day"):
    logger.warning("counted")
logger.warning("closed")
