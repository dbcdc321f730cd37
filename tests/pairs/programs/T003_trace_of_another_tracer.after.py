import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

logger = logging.getLogger(__name__)
logger.addHandler(ApplicationInsightsLoggingHandler())


trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_ON))


def sell(cart):
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span("sell"):
        logger.warning("sells %s", cart)
        charge(tracer)


def charge(caller):
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span("charge"):
        logger.warning("charged")


sell("c-42")
sell("c-43")
