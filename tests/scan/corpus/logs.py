"""Handlers, their settings, and what log records carry. A comment names the rules of its line."""

import importlib
import logging
from typing import TYPE_CHECKING
from unittest import mock

from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler  #: I001 I001
from opencensus.log import get_log_attrs  #: I001
from opencensus.trace.samplers import *  #: I005
from opencensus.ext.azure.metrics_exporter import AzureMetricsExporter  #: X002
from opencensus.nothing import at_all  #: X002

if TYPE_CHECKING:
    from opencensus.trace.span_data import SpanData  #: I009

handler = AzureLogHandler(connection_string="InstrumentationKey=1;IngestionEndpoint=https://example.com/")  #: L001
handler.setFormatter(logging.Formatter("%(traceId)s %(message)s"))  #: L003 L006
logging.getLogger(__name__).addHandler(handler)
events = AzureEventHandler()  #: L002 A005
logging.getLogger("opencensus.ext.azure.common.transport").setLevel(logging.ERROR)  #: N004
importlib.import_module("opencensus.trace.tracer")  #: I006


def add_role(item):
    item.tags["ai.cloud.role"] = "orders"  #: A007
    item.data.baseData.properties["a"] = "b"  #: A008


handler.add_telemetry_processor(add_role)  #: A006


class Enriching:
    def __init__(self):
        self.handler = AzureLogHandler()  #: L001 A005
        self.handler.add_telemetry_processor(self.enrich)  #: A006

    def enrich(self, item):
        item.tags["ai.cloud.role"] = "orders"  #: A007
        self.tags = None


class Handler(AzureLogHandler):  #: B003
    def createLock(self):
        self.lock = None


if not any(isinstance(each, AzureLogHandler) for each in logging.getLogger().handlers):  #: L001
    logging.basicConfig(handlers=[Handler()])  #: L001

LOGGING = {
    "formatters": {"traced": {"format": "{traceId} {message}", "style": "{"}},  #: L006
    "handlers": {
        "azure": {"class": "opencensus.ext.azure.log_exporter.AzureLogHandler"},  #: N003
        "own": {"()": "opencensus.ext.azure.log_exporter.AzureEventHandler"},  #: N003
    },
}

logging.warning("a", extra={"custom_dimensions": {"a": "b"}})  #: L004
logging.warning("a", extra={"custom_measurements": {"a": 1.0}})  #: L005
logging.warning("a", extra={"traceId": "1"})  #: L006
print(get_log_attrs())  #: L007


@mock.patch("opencensus.ext.azure.log_exporter.AzureLogHandler.emit")  #: N002
def test_something(emit):
    with mock.patch.dict("opencensus.trace.execution_context.RuntimeContext"):  #: N002
        pass
