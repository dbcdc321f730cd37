import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)
options = {"logging_sampling_rate": 0.5, "logging_sampling_exempt_level": "ERROR"}
logger.addHandler(AzureLogHandler(**options))
exporter = AzureExporter()

for trace_id in ("6e0c63257de34c92bf9efcd03927272e", "f" * 32):
    context = TraceContextPropagator().from_headers({"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
    tracer = Tracer(span_context=context, exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span(name="order"):
        logger.info("ordered")
        logger.info("paid", extra={"custom_dimensions": {"by": "card"}})
        logger.error("not delivered")
