import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler())


def sell(cart):
    tracer = Tracer(sampler=AlwaysOnSampler())
    with tracer.span(name="sell"):
        logger.warning("sells %s", cart)
        charge(tracer)


def charge(caller):
    tracer = Tracer(span_context=caller.span_context, sampler=AlwaysOnSampler())
    with tracer.span(name="charge"):
        logger.warning("charged")


sell("c-42")
sell("c-43")
