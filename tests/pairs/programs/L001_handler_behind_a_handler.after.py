import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler
from appinsights_exporter.envelope import Envelope


def with_shop(envelope: Envelope) -> bool:
    envelope.data.baseData.properties["shop"] = "berlin"
    return True


class Forwarding(logging.Handler):
    def __init__(self):
        super().__init__()
        self.handler = ApplicationInsightsLoggingHandler()
        self.handler.add_telemetry_processor(with_shop)

    def emit(self, record):
        self.handler.emit(record)


logger = logging.getLogger("shop")
logger.addHandler(Forwarding())
logger.warning("sold %s", "a lamp", extra={"custom_dimensions": {"cart": "c-42"}})
