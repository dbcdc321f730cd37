import json
import logging
import os
import tempfile

from appinsights_exporter import ApplicationInsightsLoggingHandler
from opencensus.trace.file_exporter import FileExporter
from opencensus_compat.legacy_exporters import LegacyExporterProcessor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

logger = logging.getLogger(__name__)
logger.addHandler(ApplicationInsightsLoggingHandler())
path = os.path.join(tempfile.mkdtemp(), "spans.json")
provider = TracerProvider(sampler=ALWAYS_ON)
provider.add_span_processor(LegacyExporterProcessor(FileExporter(path)))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("order") as span:
    span.set_attribute("cart", "c-42")
    span.add_event("taken", {"by": "Ann"})

with open(path, encoding="utf-8") as file:
    (written,) = json.load(file)["spans"]
logger.warning("%s %s", written["displayName"]["value"], written["attributes"]["attributeMap"]["cart"]["string_value"]["value"])
logger.warning("%s", written["timeEvents"]["timeEvent"][0]["annotation"]["description"]["value"])
