import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure

logging.getLogger().addHandler(ApplicationInsightsLoggingHandler())
logging.getLogger().setLevel(logging.INFO)
configure(signals=["metrics"])
