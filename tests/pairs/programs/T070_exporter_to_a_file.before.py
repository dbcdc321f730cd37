import json
import logging
import os
import tempfile

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.trace.file_exporter import FileExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler())
path = os.path.join(tempfile.mkdtemp(), "spans.json")
tracer = Tracer(exporter=FileExporter(path), sampler=AlwaysOnSampler())

with tracer.span(name="order") as span:
    span.add_attribute("cart", "c-42")
    span.add_annotation("taken", by="Ann")

with open(path, encoding="utf-8") as file:
    (written,) = json.load(file)["spans"]
logger.warning("%s %s", written["displayName"]["value"], written["attributes"]["attributeMap"]["cart"]["string_value"]["value"])
logger.warning("%s", written["timeEvents"]["timeEvent"][0]["annotation"]["description"]["value"])
