import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler
from opencensus.trace.base_exporter import Exporter

logger = logging.getLogger(__name__)
logger.addHandler(ApplicationInsightsLoggingHandler())


# census-compat: B002 Does it change items, choose among them, or send them elsewhere? A function for `add_telemetry_processor` does the first two; write a `SpanExporter` for the third.
class LinesExporter(Exporter):
    def __init__(self, start):
        self.start = start

    def emit(self, span_datas):
        pass

    def export(self, span_datas):
        for data in span_datas:
            logger.warning("%s of kind %s", self.start, data.span_kind)
