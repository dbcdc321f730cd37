import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration

exporter = AzureExporter()
config_integration.trace_integrations(['logging'])
logging.getLogger().addHandler(AzureLogHandler())
logging.getLogger().setLevel(logging.INFO)
