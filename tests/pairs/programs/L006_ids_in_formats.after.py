import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure, trace_ids_in_records
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

trace_ids_in_records()

logger = logging.getLogger("shop")
handler = ApplicationInsightsLoggingHandler()
handler.setFormatter(logging.Formatter("%(levelname)s trace=%(traceId)s span=%(spanId)s %(message)s"))
logger.addHandler(handler)
logger.warning("opened")

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
with tracer.start_as_current_span("order"):
    logger.warning("sold")
