import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure
from opentelemetry import trace
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

_trace_id = RandomIdGenerator().generate_trace_id()

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
logger = logging.getLogger(__name__)
logger.addHandler(ApplicationInsightsLoggingHandler())


def correlation():
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id or _trace_id)


def log(text):
    context = trace.get_current_span().get_span_context()
    is_known = trace.format_trace_id(context.trace_id or _trace_id) == correlation() != "0" * 32
    logger.warning(text, extra={"custom_dimensions": {"known": is_known, "span": (trace.format_span_id(trace.get_current_span().get_span_context().span_id) if trace.get_current_span().get_span_context().is_valid else None) is not None}})


log("opened")
with tracer.start_as_current_span("checkout") as span:
    log("counted")
    span.set_attribute("same", trace.format_trace_id(trace.get_current_span().get_span_context().trace_id) == correlation())
log("closed")
