import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler


def set_role(envelope):
    envelope.tags["ai.cloud.role"] = "shop"
    envelope.tags["ai.cloud.roleInstance"] = "shop-1"
    return True


logger = logging.getLogger(__name__)
handler = AzureLogHandler()
handler.add_telemetry_processor(set_role)
logger.addHandler(handler)
logger.warning("order is late")
