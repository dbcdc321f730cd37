"""Handlers of the standard library's logging that send to Application Insights.

Use::

    logger.addHandler(ApplicationInsightsLoggingHandler())
    events.addHandler(ApplicationInsightsEventHandler())

or by name, in ``dictConfig`` and ``fileConfig``: ``appinsights_exporter.ApplicationInsightsLoggingHandler``. A record belongs to the span that
is current where it is logged. The text of a record is what the handler's formatter makes of it.

Each handler has a logger provider of its own with the SDK's batch processor, and shares connection and store with all exporters of its
resource. What is queued is sent at the end of the process.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import traceback
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import context, trace
from opentelemetry.sdk.environment_variables import OTEL_BLRP_MAX_EXPORT_BATCH_SIZE, OTEL_BLRP_MAX_QUEUE_SIZE
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from . import _sdk_logs, notices
from .arguments import batches
from .children import flush_at_end
from .claims import CLAIM, sharers
from .convert import exceptions, logs
from .convert.spans import SAMPLE_RATE
from .counts import RateLimit
from .delivery.own_work import OWN_TRACE_ID
from .foreign import exc_info_of, failure
from .log_exporter import ApplicationInsightsLogRecordExporter
from .program import SendingArguments, program_resource, program_settings
from .trace_ids import FILLED

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import SpanContext

    from ._sdk_logs import LoggerProvider
    from .claims import Claim
    from .counts import Counts
    from .log_sampling import RecordSampling
    from .telemetry_processors import TelemetryProcessor

__all__ = ["ApplicationInsightsEventHandler", "ApplicationInsightsLoggingHandler", "ProviderHandler"]

_QUEUE_CAPACITY = 8192
"""Records; four times the SDK's, which drops the oldest ones: loggers write in bursts."""
_NO_NAME = "n/a"
"""Name of an event that has no text."""
_PLAIN = (str, bool, int, float)
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    logs.CUSTOM_DIMENSIONS,
    logs.CUSTOM_MEASUREMENTS,
}
"""Fields of a record that are no ``extra`` of the program's."""

_logger = logging.getLogger(__name__)


class _NoLock:
    """What is always free."""

    def acquire(self, *_: object) -> bool:
        """Go on."""
        return True

    def release(self) -> None:
        """Go on."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None:
        pass


class ProviderHandler(logging.Handler):
    """Sends records to a logger provider, as OpenTelemetry's own handler does: every ``extra`` becomes an attribute.

    Args:
        provider: The provider.
        level: Least level that is sent, as of any logging handler.
    """

    _is_event = False
    _takes_extras = True

    def __init__(self, provider: LoggerProvider, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._provider = provider
        self._loggers: dict[str, tuple[Any, InstrumentationScope]] = {}
        self._log_limit = RateLimit()

    def createLock(self) -> None:  # noqa: N802 - the standard library's name
        """Make one that nobody waits for: the provider's queue has its own, and a record that an export logs would wait for the flush that
        waits for it. Python 3.13 takes no None for it.
        """
        self.lock = _NoLock()  # type: ignore[assignment]  # what logging does with a lock, it has

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record. What cannot be read of it is left out; this never raises."""
        self._hand_on(record, None)

    def _hand_on(self, record: logging.LogRecord, claim: Claim | None) -> None:
        """Queue a record, unless another handler has a claim to it."""
        try:
            span = trace.get_current_span().get_span_context()
            if span.trace_id == OWN_TRACE_ID:
                return
            known = self._loggers.get(record.name)
            if known is None:
                known = self._loggers[record.name] = (self._provider.get_logger(record.name), InstrumentationScope(record.name))
            made = self._made(record, span)
            if claim is None or self._may_send(made, claim):
                _sdk_logs.emit(known[0], made, known[1])
        except failure() as error:
            if self._log_limit.due("record"):
                _logger.warning("A log record could not be sent: %s", type(error).__name__)

    def flush(self) -> None:
        """Send what is queued, and return when that is done."""
        # An export that flushes would wait for itself.
        if trace.get_current_span().get_span_context().trace_id != OWN_TRACE_ID:
            self._provider.force_flush()

    def _may_send(self, made: Any, claim: Claim) -> bool:
        """Return whether a record, as OpenTelemetry has it, is to be queued."""
        return True

    def _made(self, record: logging.LogRecord, span: SpanContext) -> Any:
        error = exc_info_of(record.exc_info)
        attributes: dict[str, object] = {"code.file.path": record.pathname, "code.line.number": record.lineno}
        if record.funcName is not None:
            attributes["code.function.name"] = record.funcName
        if error is not None and not self._is_event:
            attributes.update(_exception_attributes(error))
        body = self._text(record, error)
        if self._is_event:
            attributes[logs.EVENT_NAME] = body or _NO_NAME
        attributes.update(self._extras(record))
        made = _sdk_logs.new_record(
            timestamp_ns=round(record.created * 1e6) * 1000,
            trace_id=span.trace_id,
            span_id=span.span_id,
            trace_flags=span.trace_flags,
            context=context.get_current(),
            severity_number=_sdk_logs.severity_of(record.levelno),
            severity_text=record.levelname,
            body=body,
            attributes=attributes,
        )
        if error is not None and error[1] is not None and not self._is_event:
            setattr(made, logs.RAISED, exceptions.of_error(error[1], error[2]))
        return made

    def _text(self, record: logging.LogRecord, error: tuple[Any, ...] | None) -> str:
        try:
            text = self.format(record)
        except failure() as raised:
            if self._log_limit.due("message"):
                _logger.warning(
                    "a log message could not be formatted (%s): it is sent unformatted, followed by its arguments", type(raised).__name__
                )
            return f"{record.msg} {record.args}"
        # Without a traceback the text of an exception would be "NoneType: None".
        return getattr(record, "message", "") or text if error is not None and error[2] is None else text

    def _extras(self, record: logging.LogRecord) -> dict[str, object]:
        found: dict[str, object] = {}
        if self._takes_extras:
            ours = {*_OWN_FIELDS, *filled} if (filled := getattr(record, FILLED, ())) else _OWN_FIELDS
            found.update((name, _plain(value)) for name, value in vars(record).items() if name not in ours and not name.startswith("_"))
        for name in (logs.CUSTOM_DIMENSIONS, logs.CUSTOM_MEASUREMENTS):
            values = getattr(record, name, None)
            if isinstance(values, Mapping) and values and not (name == logs.CUSTOM_MEASUREMENTS and not self._is_event):
                kept = {
                    str(key): value if type(value) in _PLAIN else _plain(_shown(value))
                    for key, value in values.items()
                    if value is not None
                }
                if _sdk_logs.KEEPS_MAPPINGS:
                    found[name] = kept
                elif name == logs.CUSTOM_DIMENSIONS:
                    # Older releases of the SDK drop mappings.
                    found.update(kept)
                else:
                    found[logs.MEASUREMENTS] = json.dumps(kept)
        return found


class ApplicationInsightsLoggingHandler(ProviderHandler):
    """Sends log records to Application Insights as messages, and those with an exception as exceptions.

    The mapping ``custom_dimensions`` of ``extra`` becomes properties. Other ``extra`` does not, unless ``extras`` says so. A record that
    reaches several handlers of one resource, those of OpenCensus among them, is sent once.

    Args:
        connection_string: As the portal shows it; None reads ``APPLICATIONINSIGHTS_CONNECTION_STRING``.
        level: As of any handler.
        credential: Object with ``get_token``; None reads ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING``.
        resource: OpenTelemetry resource of the records; None makes one whose role is the script's name.
        export_interval_millis: Milliseconds between exports while few records come; None reads ``OTEL_BLRP_SCHEDULE_DELAY``.
        queue_capacity: Records in the queue at most; one more drops the oldest. None reads ``OTEL_BLRP_MAX_QUEUE_SIZE``, else 8192.
        storage_directory: Folder for items that cannot be sent now; None reads ``APPINSIGHTS_EXPORTER_STORAGE_FOLDER``.
        disable_offline_storage: True keeps nothing on disk; None reads ``APPINSIGHTS_EXPORTER_STORAGE``.
        storage_max_size: Bytes on disk at most, as of :func:`configure`.
        storage_retention_period: Seconds that an item is kept, as of :func:`configure`.
        storage_min_retry_interval: Seconds between two tries, as of :func:`configure`.
        timeout: Seconds for one exchange, as of :func:`configure`.
        proxies: Scheme to proxy, or one proxy for all, as of :func:`configure`.
        max_batch_size: Records in one export at most; None reads ``OTEL_BLRP_MAX_EXPORT_BATCH_SIZE``.
        extras: Whether each ``extra`` becomes a property, as with OpenTelemetry's own handler.
        sampling_rate: Share of the records to send, 0.0 to 1.0; ``sampleRate`` of an item says how many it stands for. The records of a
            trace stay together: none is sent of a trace that is not sampled, and of another one all or none. At 1.0 all are sent.
        sampling_exempt_level: Name or number of a level from which on all records are sent, whatever the rate; None for none.

    Raises:
        ConfigurationError: No or bad connection string, bad credential, a rate or level that cannot be used.
        ValueError: A number that is not positive.
    """

    _takes_extras = False

    def __init__(
        self,
        connection_string: str | None = None,
        *,
        level: int | str = logging.NOTSET,
        credential: object | None = None,
        resource: Resource | None = None,
        export_interval_millis: float | None = None,
        queue_capacity: int | None = None,
        storage_directory: str | os.PathLike[str] | None = None,
        disable_offline_storage: bool | None = None,
        storage_max_size: int | None = None,
        storage_retention_period: float | None = None,
        storage_min_retry_interval: float | None = None,
        timeout: float | None = None,
        proxies: Mapping[str, str] | str | None = None,
        max_batch_size: int | None = None,
        extras: bool = False,
        sampling_rate: float = 1.0,
        sampling_exempt_level: int | str | None = None,
    ) -> None:
        sampling = _sampling(sampling_rate, sampling_exempt_level)
        sending = SendingArguments(
            connection_string=connection_string,
            credential=credential,
            storage_directory=storage_directory,
            disable_offline_storage=disable_offline_storage,
            storage_max_size=storage_max_size,
            storage_retention_period=storage_retention_period,
            storage_min_retry_interval=storage_min_retry_interval,
            timeout=timeout,
            proxies=proxies,
        )
        settings = program_settings(sending)
        self._exporter = ApplicationInsightsLogRecordExporter(settings=settings)
        self._takes_extras = extras
        if queue_capacity is None and not os.environ.get(OTEL_BLRP_MAX_QUEUE_SIZE):
            queue_capacity = _QUEUE_CAPACITY
        given = {
            "schedule_delay_millis": export_interval_millis,
            "max_queue_size": queue_capacity,
            "max_export_batch_size": max_batch_size,
        }
        sizes = batches(given, OTEL_BLRP_MAX_QUEUE_SIZE, OTEL_BLRP_MAX_EXPORT_BATCH_SIZE)
        provider = _sdk_logs.new_provider(program_resource(resource))
        provider.add_log_record_processor(_sdk_logs.BatchLogRecordProcessor(self._exporter, **sizes))
        flush_at_end(provider)
        super().__init__(provider, level)
        self._sampling = sampling
        if sampling is not None:
            self.addFilter(sampling)
        weakref.finalize(self, _end, provider).atexit = False
        self._sharers = sharers(settings, is_event=self._is_event)
        self._sharers.add_native()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record, unless another handler of the resource has. What cannot be read of it is left out; this never raises."""
        claim = self._sharers.claim(record) if self._sharers.are_several else None
        if claim is None or claim.sender is None:
            self._hand_on(record, claim)

    def _extras(self, record: logging.LogRecord) -> dict[str, object]:
        found = super()._extras(record)
        percent = None if self._sampling is None else self._sampling.percent(record)
        if percent is not None:
            found[SAMPLE_RATE] = percent
        return found

    def _may_send(self, made: Any, claim: Claim) -> bool:
        # What may be dropped later is not taken from others.
        taken = None if self._exporter.may_drop else claim.take(made)
        if taken is None:
            setattr(made, CLAIM, claim)
        return taken is not False

    @property
    def counts(self) -> Counts:
        """What was sent and lost, by reason; shared by all exporters of the resource."""
        return self._exporter.counts

    def add_telemetry_processor(self, processor: TelemetryProcessor) -> None:
        """Add a function that sees every item before it is sent. It may change the envelope; False from it drops the item."""
        self._exporter.add_telemetry_processor(processor)

    def clear_telemetry_processors(self) -> None:
        """Remove all telemetry processors."""
        self._exporter.clear_telemetry_processors()

    def close(self) -> None:
        """Export queued records, as `flush` does. The handler works on where it is used again: ``dictConfig`` and ``fileConfig``, which servers
        call as well, close every handler that there is.
        """
        try:
            # Who configures logging holds its lock, for which loggers of an export would wait.
            if not notices.holds_logging_lock():
                self.flush()
        finally:
            super().close()


class ApplicationInsightsEventHandler(ApplicationInsightsLoggingHandler):
    """Sends log records to Application Insights as custom events, named by their text.

    The mappings ``custom_dimensions`` and ``custom_measurements`` of ``extra`` become properties and measurements. Arguments and errors are
    those of :class:`ApplicationInsightsLoggingHandler`.
    """

    _is_event = True


def _sampling(rate: float, exempt_level: int | str | None) -> RecordSampling | None:
    """Return what samples the records of a handler; None where all are sent."""
    if rate == 1 and not isinstance(rate, bool) and exempt_level is None:
        return None
    from .log_sampling import RecordSampling

    return RecordSampling(rate, exempt_level)


def _end(provider: LoggerProvider) -> None:
    """End the thread of a handler that nobody has any more. The garbage collector calls this, in a thread that must not wait."""
    threading.Thread(target=provider.shutdown, daemon=True).start()


def _exception_attributes(error: tuple[Any, ...]) -> dict[str, object]:
    kind, value, frames = error
    found: dict[str, object] = {logs.EXCEPTION_TYPE: getattr(kind, "__name__", None) or "N/A"}
    if value is not None:
        found[logs.EXCEPTION_MESSAGE] = str(value)
        if frames is not None or value.__cause__ is not None or value.__context__ is not None:
            found[logs.EXCEPTION_STACK] = "".join(traceback.format_exception(kind, value, frames))
    return found


def _shown(value: object) -> object:
    """Return bytes as OpenCensus's handlers sent them, `b'…'`, also in a list; another value as it is."""
    if isinstance(value, (bytes, bytearray)):
        return repr(value)
    if isinstance(value, (list, tuple)) and any(isinstance(each, (bytes, bytearray)) for each in value):
        return [_shown(each) for each in value]
    return value


def _plain(value: object) -> object:
    """Return a value as an attribute can be, now: what the program changes later is not seen."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, (list, tuple)) and value and all(type(each) in _PLAIN for each in value):
        return list(value)
    return logs.body_text(value)
