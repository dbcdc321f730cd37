import io
import json
import logging.config

CONFIGURATION = """
{
  "version": 1,
  "disable_existing_loggers": false,
  "formatters": {"ids": {"format": "%(message)s"}},
  "handlers": {
    "azure": {
      "class": "opencensus.ext.azure.log_exporter.AzureLogHandler",
      "formatter": "ids",
      "export_interval": 2.0,
      "queue_capacity": 100
    }
  },
  "loggers": {
    "opencensus": {"level": "ERROR"},
    "orders": {"handlers": ["azure"], "level": "INFO"}
  }
}
"""
EVENTS = """\
[loggers]
keys=root,events

[handlers]
keys=events

[formatters]
keys=

[logger_root]
handlers=

[logger_events]
level=INFO
qualname=shop.events
handlers=events

[handler_events]
class=opencensus.ext.azure.log_exporter.AzureEventHandler
args=()
kwargs={'export_interval': 2.0, 'enable_local_storage': False}
"""

logging.config.fileConfig(io.StringIO(EVENTS), disable_existing_loggers=False)
logging.config.dictConfig(json.loads(CONFIGURATION))
logging.getLogger("orders").info("order %d", 7)
logging.getLogger("orders").warning("slow", extra={"custom_dimensions": {"cart": "c-42"}})
logging.getLogger("shop.events").info("ordered", extra={"custom_dimensions": {"size": "big"}})
