"""Logs one line and ends."""
import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler

logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler())

if __name__ == '__main__':
    logger.warning('stock of %s is low', 'kettles', extra={'custom_dimensions': {'sku': 'blue-kettle', 'left': 2}})
