import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler


class OnlyOrders(logging.Filter):
    def filter(self, record):
        record.custom_dimensions = {"area": record.name}
        return record.name == "orders"


handler = AzureLogHandler()
handler.setFormatter(logging.Formatter("%(levelname)s in %(name)s: %(message)s"))
handler.setLevel(logging.WARNING)
handler.addFilter(OnlyOrders())
for name in ("orders", "stock"):
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.info("not sent")
    logger.warning("sent")
