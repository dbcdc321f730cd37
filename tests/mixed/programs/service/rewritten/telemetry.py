import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure

logging.getLogger().addHandler(ApplicationInsightsLoggingHandler())
logging.getLogger().setLevel(logging.INFO)
configure(signals=["metrics"], export_interval_millis=15000)
