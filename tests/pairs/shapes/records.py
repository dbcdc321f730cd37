import logging

from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("orders")
logger.setLevel(logging.DEBUG)
logger.addHandler(AzureLogHandler())
events = logging.getLogger("events")
events.setLevel(logging.DEBUG)
events.addHandler(AzureEventHandler())

logger.warning("sold %s", "out", extra={"custom_dimensions": {"cart": 1, "paid": True, "share": 1.5, "list": [1], "map": {"a": 1}}})
logger.warning("  ")
logger.warning("sold long", extra={"custom_dimensions": {"k" * 200: 1}})
logger.warning("sold again", extra={"tenant": "west", "custom_measurements": {"amount": 2.5}})
for level in (5, 10, 15, 20, 25, 40, 50):
    logger.log(level, "at level %d", level)
try:
    raise ValueError("no money")
except ValueError:
    logger.exception("not charged", extra={"custom_dimensions": {"cart": 2}})
events.info("bought", extra={"custom_dimensions": {"cart": 1}, "custom_measurements": {"amount": 2.5}})

config_integration.trace_integrations(["logging"])
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
logger.warning("opened")
with tracer.span(name="day"):
    logger.warning("counted")
events.info("closed")
