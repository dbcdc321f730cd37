import logging

from opencensus.ext.azure.log_exporter import AzureEventHandler

events = logging.getLogger("events")
events.setLevel(logging.INFO)
events.addHandler(AzureEventHandler())

events.info("checkout")
events.info("payment", extra={"custom_dimensions": {"kind": "card"}})
events.info("%s items", 3)
