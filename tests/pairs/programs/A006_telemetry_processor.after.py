import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler


def add_region(envelope):
    envelope.data.baseData.properties["region"] = "west"
    return "secret" not in envelope.data.baseData.message


handler = ApplicationInsightsLoggingHandler()
handler.add_telemetry_processor(add_region)
logging.getLogger().addHandler(handler)
logging.warning("order is late")
logging.warning("the secret is out")
