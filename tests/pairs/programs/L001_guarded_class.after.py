import logging
import os

try:
    from appinsights_exporter import ApplicationInsightsLoggingHandler
except ImportError:
    ApplicationInsightsLoggingHandler = None


class Telemetry:
    def __init__(self, level: int = logging.INFO) -> None:
        self.handler: ApplicationInsightsLoggingHandler | None = None
        if ApplicationInsightsLoggingHandler is not None:
            self.handler = ApplicationInsightsLoggingHandler(connection_string=os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"])
            self.handler.setLevel(level)
            logging.getLogger("shop").addHandler(self.handler)


telemetry = Telemetry(logging.WARNING)
logging.getLogger("shop.orders").warning("order %d is late", 7)
