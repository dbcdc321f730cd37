import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler
from opencensus.common.transports.sync import SyncTransport
from opencensus.trace.base_exporter import Exporter
from opencensus_compat.legacy_exporters import LegacyExporterProcessor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

logger = logging.getLogger(__name__)
logger.addHandler(ApplicationInsightsLoggingHandler())


# census-compat: B002 Does it change items, choose among them, or send them elsewhere? A function for `add_telemetry_processor` does the first two; write a `SpanExporter` for the third.
class LinesExporter(Exporter):
    def __init__(self):
        self.transport = SyncTransport(self)

    def emit(self, span_datas):
        for data in span_datas:
            logger.warning("%s of kind %s: %s", data.name, data.span_kind, sorted(data.attributes.items()))
            logger.warning("status %s %s", data.status.canonical_code, data.status.description)
            logger.warning("said %s", [each.description for each in data.annotations])

    def export(self, span_datas):
        self.transport.export(span_datas)


exporter = LinesExporter()
provider = TracerProvider(sampler=ALWAYS_ON)
provider.add_span_processor(LegacyExporterProcessor(exporter))
trace.set_tracer_provider(provider)


def order(cart):
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span("order", kind=trace.SpanKind.SERVER) as span:
        span.set_attribute("cart", cart)
        with tracer.start_as_current_span("charge") as charge:
            charge.add_event("no answer")
            charge.set_status(trace.Status(trace.StatusCode.ERROR, "no money"))


order("c-42")
order("c-43")
