import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler


def add_region(envelope):
    envelope.data.baseData.properties["region"] = "west"
    return "secret" not in envelope.data.baseData.message


handler = AzureLogHandler()
handler.add_telemetry_processor(add_region)
logging.getLogger().addHandler(handler)
logging.warning("order is late")
logging.warning("the secret is out")
