import logging
import os

try:
    from opencensus.ext.azure.log_exporter import AzureLogHandler
except ImportError:
    AzureLogHandler = None


class Telemetry:
    def __init__(self, level: int = logging.INFO) -> None:
        self.handler: AzureLogHandler | None = None
        if AzureLogHandler is not None:
            self.handler = AzureLogHandler(connection_string=os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"])
            self.handler.setLevel(level)
            logging.getLogger("shop").addHandler(self.handler)


telemetry = Telemetry(logging.WARNING)
logging.getLogger("shop.orders").warning("order %d is late", 7)
