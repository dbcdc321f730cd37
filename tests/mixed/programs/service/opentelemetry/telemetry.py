import logging
import warnings

from appinsights_exporter import (
    ApplicationInsightsLogRecordExporter,
    ApplicationInsightsMetricExporter,
    ApplicationInsightsSpanExporter,
)
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

spans = TracerProvider()
spans.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter()))
trace.set_tracer_provider(spans)
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(ApplicationInsightsLogRecordExporter()))
set_logger_provider(logs)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(ApplicationInsightsMetricExporter())]))
with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # it has moved to a package of its own, which older releases do not have
    logging.getLogger().addHandler(LoggingHandler(logger_provider=logs))
logging.getLogger().setLevel(logging.INFO)
