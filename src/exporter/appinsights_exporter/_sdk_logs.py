"""The OpenTelemetry SDK's log names, which moved between its releases, under one name each.

====================== ==================== ===================== ============================
what                   SDK 1.28 to 1.34     SDK 1.35 to 1.38      SDK 1.39 and later
====================== ==================== ===================== ============================
what processors get    ``LogData``          ``LogData``           ``ReadWriteLogRecord``
what exporters get     ``LogData``          ``LogData``           ``ReadableLogRecord``
a processor's method   ``emit``             ``on_emit``           ``on_emit``
where the resource is  on the record        on the record         beside the record
a logger takes         the SDK's record     the SDK's record      the API's record
the exporter's base    ``LogExporter``      ``LogExporter``       ``LogRecordExporter``
====================== ==================== ===================== ============================

Everything else of both packages imports these names from here. Beside those of spans, in ``convert/ended.py``, they are the only private names of
OpenTelemetry's that this package reads:

========================================== ========================================================================================
private name                               when it is gone
========================================== ========================================================================================
``opentelemetry._logs``, ``.sdk._logs``    the import of this module fails with the text of ``_unsupported``; spans and metrics work
``ProxyLoggerProvider``, the API's class   a provider that nobody has set counts as the application's own: OpenCensus records go to it,
                                           and nowhere; ``test_sdk_logs.py`` fails
========================================== ========================================================================================

A *record* below is the ``LogRecord`` itself, with its times, ids, body
and attributes; the *data* are what processors and exporters are given: the record with its resource and scope.

To emit a record with a context of its own, whatever the current one is::

    record = new_record(timestamp_ns=…, trace_id=…, span_id=…, trace_flags=TraceFlags(1), body="…", attributes={…})
    emit(provider.get_logger("name"), record)

or, past the provider, to one processor::

    processor.on_emit(new_data(record, resource, InstrumentationScope("name")))

A record that gets an attribute ``to_envelopes``, a function without arguments, brings its own items (``exporters.BringsEnvelopes``): it
passes through processors like any other.

Raises:
    ImportError: An SDK release that has neither set of names; the text says which releases have one.
"""

from __future__ import annotations

import abc
import importlib
import inspect
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk import resources
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import TraceFlags

from ._releases import SUPPORTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry._logs import Logger
    from opentelemetry._logs import LoggerProvider as ApiLoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from .convert.records import LogData, LogRecord

__all__ = [
    "KEEPS_MAPPINGS",
    "BatchLogRecordProcessor",
    "LogRecordExportResult",
    "LogRecordExporter",
    "LogRecordProcessor",
    "LoggerProvider",
    "SeverityNumber",
    "emit",
    "global_provider",
    "new_data",
    "new_provider",
    "new_record",
    "record_of",
    "resource_of",
    "scope_of",
    "set_global_provider",
    "severity_of",
    "show",
]

_FIRST_LEVEL, _LAST_LEVEL = 10, 59


def _unsupported(missing: object) -> ImportError:
    from importlib.metadata import PackageNotFoundError, version

    try:
        installed = version("opentelemetry-sdk")
    except PackageNotFoundError:
        installed = "of unknown release"
    return ImportError(
        f"appinsights_exporter knows the log interfaces of opentelemetry-sdk {SUPPORTED}; {installed} is installed and lacks {missing}. "
        f'Install a release that is known (pip install "opentelemetry-sdk{SUPPORTED}"), or a newer census-compat.'
    )


def _imported(name: str) -> Any:
    """Return a module of the SDK, also as the interpreter ends: it detects a resource as it is imported, in threads that cannot be started then."""
    try:
        return importlib.import_module(name)
    except RuntimeError:
        detect = resources.get_aggregated_resources
        resources.get_aggregated_resources = _detect_nothing
        try:
            return importlib.import_module(name)
        finally:
            resources.get_aggregated_resources = detect


def _detect_nothing(detectors: object, initial_resource: Resource | None = None, timeout: int = 5) -> Resource:
    """Return a resource for records that are given none, without threads; arguments are those of the SDK's function."""
    return initial_resource or Resource.get_empty()


try:
    _api: Any = importlib.import_module("opentelemetry._logs")
    _logs: Any = _imported("opentelemetry.sdk._logs")
    _export: Any = importlib.import_module("opentelemetry.sdk._logs.export")
    _new = hasattr(_logs, "ReadWriteLogRecord")
    """Whether the resource stands beside the record."""
    _new_data: Any = _logs.ReadWriteLogRecord if _new else _logs.LogData
    _Record: Any = _api.LogRecord if _new else _logs.LogRecord
    _Processor: Any = _logs.LogRecordProcessor
    _BatchProcessor: Any = _export.BatchLogRecordProcessor
    if not TYPE_CHECKING:
        LoggerProvider = _logs.LoggerProvider
        LogRecordExporter = _export.LogRecordExporter if hasattr(_export, "LogRecordExporter") else _export.LogExporter
        LogRecordExportResult = _export.LogRecordExportResult if hasattr(_export, "LogRecordExportResult") else _export.LogExportResult
    _Limits: Any = _logs.LogRecordLimits if hasattr(_logs, "LogRecordLimits") else _logs.LogLimits
except (ImportError, AttributeError) as error:
    raise _unsupported(error) from error

_has_event_name = "event_name" in inspect.signature(_Record.__init__).parameters
_has_context = "context" in inspect.signature(_Record.__init__).parameters
_emits = hasattr(_BatchProcessor, "emit") and not hasattr(_BatchProcessor, "on_emit")
"""Whether processors have ``emit`` only."""
_NO_FLAGS = TraceFlags(TraceFlags.DEFAULT)
KEEPS_MAPPINGS = _new
"""Whether attributes of records may be mappings; older releases drop them."""


_T = TypeVar("_T")

_MANY_ATTRIBUTES = 1_000_000
_parameters = inspect.signature(_Limits.__init__).parameters
# All of them, so that the SDK reads no variable; and of attributes not its own word for "no limit": older releases read it as 128.
_UNLIMITED = _Limits(**{name: _Limits.UNSET if "length" in name else _MANY_ATTRIBUTES for name in _parameters if name.startswith("max_")})
_takes_limits = "limits" in inspect.signature(_Record.__init__).parameters


def _made(kind: Callable[..., _T], *args: object, **fields: object) -> _T:
    if _new or not _has_context:
        return kind(*args, **fields)
    # These releases warn of their own classes, although they have no others yet; their loggers keep it quiet in the same way.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(*args, **fields)


class LogRecordProcessor(_Processor):  # type: ignore[misc]  # its class is found out as this module loads
    """Base of log record processors: override :meth:`on_emit`. Stopping and flushing do nothing unless overridden."""

    @abc.abstractmethod
    def on_emit(self, log_record: LogData) -> None:
        """See a record before it is exported.

        Args:
            log_record: The data; read them with :func:`record_of`, :func:`resource_of` and :func:`scope_of`. The record's attributes
                may be changed.
        """

    def emit(self, log_data: LogData) -> None:
        """Do as :meth:`on_emit`: the name in older releases."""
        self.on_emit(log_data)

    def shutdown(self) -> None:
        """Do nothing."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return True: nothing waits here."""
        return True


class BatchLogRecordProcessor(_BatchProcessor):  # type: ignore[misc]  # likewise
    """The SDK's own batch processor, with one method name and one constructor in all releases.

    Args:
        exporter: Where batches go.
        schedule_delay_millis: Milliseconds between exports while batches are not full; None for the SDK's default.
        max_export_batch_size: Records per export; None for the SDK's default.
        max_queue_size: Records that wait at most; the oldest is dropped when one more comes. None for the SDK's default.
        export_timeout_millis: As the SDK has it; None for its default.

    Raises:
        ValueError: A number that is not positive, or a batch larger than the queue.
    """

    def __init__(
        self,
        exporter: LogRecordExporter,
        *,
        schedule_delay_millis: float | None = None,
        max_export_batch_size: int | None = None,
        max_queue_size: int | None = None,
        export_timeout_millis: float | None = None,
    ) -> None:
        super().__init__(
            exporter,
            schedule_delay_millis=schedule_delay_millis,
            max_export_batch_size=max_export_batch_size,
            max_queue_size=max_queue_size,
            export_timeout_millis=export_timeout_millis,
        )

    if _emits:

        def emit(self, log_data: LogData) -> None:
            """Queue a record: the name that the SDK calls."""
            self.on_emit(log_data)

        def on_emit(self, log_record: LogData) -> None:
            """Queue a record."""
            super().emit(log_record)


def new_provider(resource: Resource | None = None, *, shutdown_on_exit: bool = True) -> LoggerProvider:
    """Return a provider whose records may have any number of attributes: the SDK's own keep 128, the last ones.

    Of records that are emitted without a scope, releases from 1.39 that take no limits keep 128 all the same.

    Args:
        resource: Of all its records; None for the SDK's default.
        shutdown_on_exit: Whether the SDK shuts it down at the end of the process.
    """
    limits: dict[str, Any] = {}
    if "log_record_limits" in inspect.signature(LoggerProvider.__init__).parameters:
        limits["log_record_limits"] = _UNLIMITED
    return LoggerProvider(resource=resource, shutdown_on_exit=shutdown_on_exit, **limits)


def global_provider() -> ApiLoggerProvider | None:
    """Return the global logger provider, or None where none was set."""
    provider: ApiLoggerProvider = _api.get_logger_provider()
    # The API's stand-in for a provider that is still to come has no public name.
    return None if type(provider).__name__ == "ProxyLoggerProvider" else provider


def set_global_provider(provider: ApiLoggerProvider) -> None:
    """Set the global logger provider."""
    _api.set_logger_provider(provider)


def severity_of(level: int) -> SeverityNumber:
    """Return the OpenTelemetry severity of a level of the standard library's logging: 0 for none, 5 (DEBUG) to 24.

    Args:
        level: ``levelno``; 10 is DEBUG, 50 is CRITICAL.
    Source: OpenTelemetry SDK ``std_to_otel``.
    """
    if level < _FIRST_LEVEL:
        return SeverityNumber(0)
    tens, ones = divmod(min(level, _LAST_LEVEL), 10)
    return SeverityNumber(4 * tens + 1 + min(ones, 3))


def new_record(
    *,
    timestamp_ns: int,
    observed_timestamp_ns: int | None = None,
    trace_id: int = 0,
    span_id: int = 0,
    trace_flags: TraceFlags = _NO_FLAGS,
    context: Context | None = None,
    severity_number: SeverityNumber | None = None,
    severity_text: str | None = None,
    body: object = None,
    attributes: Mapping[str, object] | None = None,
    event_name: str | None = None,
) -> LogRecord:
    """Return a record that belongs to the given trace and to no other, whatever span is current.

    Args:
        timestamp_ns: When it happened, nanoseconds since the Unix epoch.
        observed_timestamp_ns: When it was seen, same unit; None for the same moment.
        trace_id: 128 bits; 0 for none.
        span_id: 64 bits; 0 for none.
        trace_flags: Of the span.
        context: What processors that look for more than the ids shall see; None for an empty one. Releases before 1.35 have no place
            for it.
        severity_number: By the OpenTelemetry table.
        severity_text: As the logging library names the level.
        body: Text, or any other value.
        attributes: The SDK drops values that are no scalars and no lists of scalars; since 1.39 also mappings and mixed lists are kept.
        event_name: Releases before 1.35 have no place for it.
    """
    fields: dict[str, Any] = {
        "timestamp": timestamp_ns,
        "observed_timestamp": timestamp_ns if observed_timestamp_ns is None else observed_timestamp_ns,
        "severity_number": severity_number,
        "severity_text": severity_text,
        "body": body,
        "attributes": attributes,
    }
    if event_name is not None and _has_event_name:
        fields["event_name"] = event_name
    if _has_context:
        fields["context"] = context
    if not _new:
        # Without one, the SDK would look for the process's resource anew. The logger's takes its place.
        fields["resource"] = Resource.get_empty()
    if _takes_limits:
        fields["limits"] = _UNLIMITED
    record: Any = _made(_Record, **fields)
    # Set afterwards: the constructor takes 0 for a question, and answers with the current span's.
    record.trace_id = trace_id
    record.span_id = span_id
    record.trace_flags = trace_flags
    made: LogRecord = record
    return made


def emit(logger: Logger, record: LogRecord, scope: InstrumentationScope | None = None) -> None:
    """Put a record of :func:`new_record` through a logger of any provider, to all its processors.

    Args:
        logger: Of the provider.
        record: The record.
        scope: The logger's. With it the provider's limits do not count; they would take attributes away, and cut the text of others.
    """
    emitted: Any = record
    if _new:
        if scope is not None and isinstance(logger, _logs.Logger):
            emitted = new_data(record, logger.resource, scope)
    else:
        resource = getattr(logger, "resource", None)
        if resource is not None:
            emitted.resource = resource
    logger.emit(emitted)


def show(processor: LogRecordProcessor, data: LogData) -> None:
    """Hand the data of a record to one of a provider's processors."""
    (processor.emit if _emits else processor.on_emit)(data)


def new_data(record: LogRecord, resource: Resource, scope: InstrumentationScope | None) -> LogData:
    """Return what a processor's ``on_emit`` takes, for a record that passes no logger."""
    data: LogData
    if _new:
        data = _new_data(log_record=record, resource=resource, instrumentation_scope=scope, limits=_UNLIMITED)
    else:
        setattr(record, "resource", resource)  # noqa: B010 - the record of these releases has one, the protocol does not
        data = _made(_new_data, record, scope)
    return data


class _Held(NamedTuple):
    """What the conversion reads of a record and its logger."""

    log_record: LogRecord
    resource: Resource
    instrumentation_scope: InstrumentationScope | None


def held(record: LogRecord, resource: Resource, scope: InstrumentationScope | None) -> LogData:
    """Return what the conversion takes, for a record that passes no processor.

    The SDK's own object copies the attributes and looks at each of them: a third of the time of a conversion, for attributes that are plain.
    """
    return _Held(record, resource, scope) if _new else new_data(record, resource, scope)


def record_of(data: LogData) -> LogRecord:
    """Return the record of what a processor or exporter is given."""
    return data.log_record


def resource_of(data: LogData) -> Resource:
    """Return the resource of what a processor or exporter is given."""
    holder: Any = data if _new else data.log_record
    found: Resource = holder.resource
    return found


def scope_of(data: LogData) -> InstrumentationScope | None:
    """Return the instrumentation scope of what a processor or exporter is given, or None."""
    return data.instrumentation_scope
