import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler


class ShopHandler(ApplicationInsightsLoggingHandler):
    def __init__(self, **options):
        super().__init__(**options)
        self.addFilter(lambda record: record.getMessage() != "secret")
        self.add_telemetry_processor(mark)

    def emit(self, record):
        record.custom_dimensions = {"shop": "Ghent"}
        super().emit(record)


def mark(envelope):
    envelope.data.baseData.properties["marked"] = "yes"
    return True


logger = logging.getLogger(__name__)
logger.addHandler(ShopHandler(export_interval_millis=1000))
logger.warning("taken")
logger.warning("secret")
