import logging

from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import stats
from opencensus.trace import config_integration

exporter = AzureExporter()
config_integration.trace_integrations(['logging'])
logging.getLogger().addHandler(AzureLogHandler())
logging.getLogger().setLevel(logging.INFO)
stats.stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False))
