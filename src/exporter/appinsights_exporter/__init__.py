"""Application Insights exporter for OpenTelemetry.

Use::

    from opentelemetry.sdk.trace import TracerProvider
    from appinsights_exporter import ApplicationInsightsSpanExporter, ApplicationInsightsSpanProcessor, OperationNameProcessor

    exporter = ApplicationInsightsSpanExporter("InstrumentationKey=…;IngestionEndpoint=…")
    provider = TracerProvider()
    provider.add_span_processor(OperationNameProcessor())
    provider.add_span_processor(ApplicationInsightsSpanProcessor(exporter))

(the SDK's ``BatchSpanProcessor`` does the same, and takes a little longer), and for logs likewise :class:`ApplicationInsightsLogRecordExporter` with the SDK's ``BatchLogRecordProcessor``, and for metrics
:class:`ApplicationInsightsMetricExporter` with its ``PeriodicExportingMetricReader``. Performance counters
(:func:`.performance_counters.observe`) and standard metrics (:class:`StandardMetricsProcessor`) are for those who ask for them.

Without an argument the connection string is read from ``APPLICATIONINSIGHTS_CONNECTION_STRING``.

Secrets: in the query of URLs the values of keys that carry secrets are exported as ``REDACTED``; user names and passwords in URLs never are.

Disk: what the service does not take for now is kept on disk for up to 48 hours (50 MiB, in the folder for temporary files, readable by
this user only), and sent later, by this process or another. ``APPINSIGHTS_EXPORTER_STORAGE=off`` holds up to 4 MiB in memory
instead. What is lost is counted by reason (``exporter.counts``) and logged at most once a minute.

Threads: while something is kept, one daemon thread per resource sends it; requests run on a daemon thread, so that a silent endpoint does
not hold up the end of the process. An exit hook gives all exports ``grace_period_s`` (5 s); what has no time is stored.

Limits: trace state, dropped counts and link attributes are not exported, because the service has no place for them. Only the configured
ingestion endpoint is ever contacted, and a credential's own token endpoint. The package keeps no queue of its own: the OpenTelemetry SDK's
processors do that.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .configuration import Configuration, configure
    from .counts import Counts, CountsSnapshot
    from .errors import ConfigurationError, ConnectionStringError, ConversionError, EncodingError, ExporterError, UnsupportedReleaseError
    from .exporters import ApplicationInsightsSpanExporter, BringsEnvelopes
    from .log_exporter import ApplicationInsightsLogRecordExporter
    from .log_processors import LogOperationNameProcessor, SampledLogRecordProcessor
    from .logging_handlers import ApplicationInsightsEventHandler, ApplicationInsightsLoggingHandler
    from .metric_exporter import ApplicationInsightsMetricExporter
    from .operation_name import OperationNameProcessor
    from .rates import SampleRateProcessor
    from .sampling import ApplicationInsightsSampler, RateLimitedSampler, parent_based
    from .self_metrics import observe
    from .settings import Settings
    from .span_pipeline import SpanPipeline, latest_provider
    from .span_processor import ApplicationInsightsSpanProcessor
    from .standard_metrics import RecordOnlySampler, StandardMetricsProcessor
    from .trace_ids import trace_ids_in_records

__all__ = [
    "ApplicationInsightsEventHandler",
    "ApplicationInsightsLogRecordExporter",
    "ApplicationInsightsLoggingHandler",
    "ApplicationInsightsMetricExporter",
    "ApplicationInsightsSampler",
    "ApplicationInsightsSpanExporter",
    "ApplicationInsightsSpanProcessor",
    "BringsEnvelopes",
    "Configuration",
    "ConfigurationError",
    "ConnectionStringError",
    "ConversionError",
    "Counts",
    "CountsSnapshot",
    "EncodingError",
    "ExporterError",
    "LogOperationNameProcessor",
    "OperationNameProcessor",
    "RateLimitedSampler",
    "RecordOnlySampler",
    "SampleRateProcessor",
    "SampledLogRecordProcessor",
    "Settings",
    "SpanPipeline",
    "StandardMetricsProcessor",
    "UnsupportedReleaseError",
    "__version__",
    "configure",
    "latest_provider",
    "observe",
    "parent_based",
    "trace_ids_in_records",
]

# Looked up when first used: the settings and the wire types can then be had without loading the OpenTelemetry SDK.
_HOMES = {
    "ApplicationInsightsEventHandler": "logging_handlers",
    "ApplicationInsightsLoggingHandler": "logging_handlers",
    "ApplicationInsightsLogRecordExporter": "log_exporter",
    "ApplicationInsightsMetricExporter": "metric_exporter",
    "ApplicationInsightsSampler": "sampling",
    "ApplicationInsightsSpanExporter": "exporters",
    "ApplicationInsightsSpanProcessor": "span_processor",
    "BringsEnvelopes": "exporters",
    "Configuration": "configuration",
    "ConfigurationError": "errors",
    "ConnectionStringError": "errors",
    "ConversionError": "errors",
    "Counts": "counts",
    "CountsSnapshot": "counts",
    "EncodingError": "errors",
    "ExporterError": "errors",
    "LogOperationNameProcessor": "log_processors",
    "OperationNameProcessor": "operation_name",
    "RateLimitedSampler": "sampling",
    "RecordOnlySampler": "standard_metrics",
    "SampleRateProcessor": "rates",
    "SampledLogRecordProcessor": "log_processors",
    "Settings": "settings",
    "SpanPipeline": "span_pipeline",
    "StandardMetricsProcessor": "standard_metrics",
    "UnsupportedReleaseError": "errors",
    "configure": "configuration",
    "latest_provider": "span_pipeline",
    "observe": "self_metrics",
    "parent_based": "sampling",
    "trace_ids_in_records": "trace_ids",
}


def __getattr__(name: str) -> Any:
    """Return a public name from the module that holds it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
