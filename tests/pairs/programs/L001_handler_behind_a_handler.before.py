import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler, Envelope


def with_shop(envelope: Envelope) -> bool:
    envelope.data.baseData.properties["shop"] = "berlin"
    return True


class Forwarding(logging.Handler):
    def __init__(self):
        super().__init__()
        self.handler = AzureLogHandler()
        self.handler.add_telemetry_processor(with_shop)

    def emit(self, record):
        self.handler.emit(record)


logger = logging.getLogger("shop")
logger.addHandler(Forwarding())
logger.warning("sold %s", "a lamp", extra={"custom_dimensions": {"cart": "c-42"}})
