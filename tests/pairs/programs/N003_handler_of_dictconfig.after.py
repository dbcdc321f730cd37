import logging.config
import os

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "console": {"class": "logging.NullHandler"},
        "azure": {
            "level": "INFO",
            "class": "appinsights_exporter.ApplicationInsightsLoggingHandler",  # by name
            "connection_string": os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"],
        },
    },
    "loggers": {"orders": {"handlers": ["azure", "console"], "level": "DEBUG"}},
}

logging.config.dictConfig(LOGGING)
logging.getLogger("appinsights_exporter").setLevel(logging.ERROR)
logger = logging.getLogger("orders")
logger.debug("not sent")
logger.info("order %d", 7)
logger.warning("slow", extra={"custom_dimensions": {"cart": "c-42"}})
