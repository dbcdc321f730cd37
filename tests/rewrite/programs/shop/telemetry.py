"""What the other modules write to."""

import logging

from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["logging"])

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
handler = AzureLogHandler()
handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
log.addHandler(handler)

events = logging.getLogger("shop_events")
events.setLevel(logging.INFO)
events.addHandler(AzureEventHandler())
