import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)
options = {"sampling_rate": 0.5, "sampling_exempt_level": "ERROR"}
logger.addHandler(ApplicationInsightsLoggingHandler(**options))

for trace_id in ("6e0c63257de34c92bf9efcd03927272e", "f" * 32):
    context = propagate.extract({"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
    configure(signals=["traces"], sampler=ALWAYS_ON)
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span("order", context=context):
        logger.info("ordered")
        logger.info("paid", extra={"custom_dimensions": {"by": "card"}})
        logger.error("not delivered")
