import logging

from opencensus.common.transports.sync import SyncTransport
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.trace.base_exporter import Exporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer

logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler())


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


def order(cart):
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span(name="order") as span:
        span.span_kind = SpanKind.SERVER
        span.add_attribute("cart", cart)
        with tracer.span(name="charge") as charge:
            charge.add_annotation("no answer")
            charge.set_status(Status(2, "no money"))


order("c-42")
order("c-43")
