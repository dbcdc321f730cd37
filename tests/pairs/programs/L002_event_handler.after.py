import logging

from appinsights_exporter import ApplicationInsightsEventHandler

events = logging.getLogger("events")
events.setLevel(logging.INFO)
events.addHandler(ApplicationInsightsEventHandler())

events.info("checkout")
events.info("payment", extra={"custom_dimensions": {"kind": "card"}})
events.info("%s items", 3)
