"""Log records, exceptions and custom events to Application Insights, through the OpenTelemetry pipeline of the handler's destination."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.context import Context

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.convert import log_records
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.pipeline import taken as _taken
from opencensus_compat._bridge.pipeline.ending import flush_logs
from opencensus_compat._bridge.process import LOGS as _LOGS
from opencensus_compat._bridge.providers import logs as _logs
from opencensus_compat._bridge.providers.logs import log_destination
from opencensus_compat.common.schedule import Queue, QueueEvent, QueueExitEvent
from opencensus_compat.ext.azure.common import Options, utils
from opencensus_compat.ext.azure.common._prepared import prepared
from opencensus_compat.ext.azure.common._steps import Steps
from opencensus_compat.ext.azure.common.processor import ProcessorMixin, check_effect
from opencensus_compat.ext.azure.common.protocol import Data, Envelope, Event, ExceptionData, Message
from opencensus_compat.ext.azure.common.storage import LocalFileStorage
from opencensus_compat.ext.azure.common.transport import TransportMixin, TransportStatusCode, collected, each_made
from opencensus_compat.ext.azure.log_exporter._copies import frozen_message, is_plain, message_of
from opencensus_compat.ext.azure.log_exporter._emitting import ABSENT as _ABSENT
from opencensus_compat.ext.azure.log_exporter._emitting import emit_taken, envelope_of
from opencensus_compat.ext.azure.log_exporter._formatting import formats_plainly, formatted_before, text_of, while_formatted
from opencensus_compat.ext.azure.log_exporter._ids import ids_of
from opencensus_compat.ext.azure.log_exporter._loggers import OURS as _OURS
from opencensus_compat.ext.azure.log_exporter._loggers import is_suppressed, tree_of
from opencensus_compat.ext.azure.log_exporter._loggers import trees as _trees
from opencensus_compat.ext.azure.log_exporter._sampling import EXEMPT_OPTION as _EXEMPT_OPTION
from opencensus_compat.ext.azure.log_exporter._sampling import EXEMPT_VARIABLE as EXEMPT_VARIABLE
from opencensus_compat.ext.azure.log_exporter._sampling import SamplingFilter, exempt_level
from opencensus_compat.ext.azure.log_exporter._sampling import filters as _all_filters
from opencensus_compat.ext.azure.log_exporter._sampling import kept as _kept
from opencensus_compat.ext.azure.log_exporter._stand_ins import RecordQueue, RecordWorker, Worker
from opencensus_compat.ext.azure.log_exporter._stand_ins import putting as _putting
from opencensus_compat.ext.azure.log_exporter._waiting import SEVERAL as _SEVERAL
from opencensus_compat.ext.azure.statsbeat import statsbeat

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.logs import LogPart
    from opencensus_compat.ext.azure.log_exporter._copies import Frozen
    from opencensus_compat.ext.azure.log_exporter._waiting import Piece

logger = logging.getLogger("opencensus.ext.azure.log_exporter")

__all__ = ["AzureEventHandler", "AzureLogHandler"]

# Subclasses that build envelopes themselves take these names from here.
_FOR_SUBCLASSES = (
    Data,
    Event,
    ExceptionData,
    LocalFileStorage,
    Message,
    Queue,
    QueueEvent,
    QueueExitEvent,
    TransportStatusCode,
    statsbeat,
)

__getattr__ = patch_targets(__name__, "random", "threading", "time", "traceback", "opencensus_compat.trace.execution_context")

_BATCH_STEPS = ("_export", "apply_telemetry_processors", "_transmit")
_STEP_NAMES = frozenset({"log_record_to_envelope", *_BATCH_STEPS})
"""Steps of the export that programs replace."""
_WATCHED = _STEP_NAMES | {"_queue", "filter", "format"}
_set = object.__setattr__
_NO_STEPS: Mapping[str, object] = {}
_NO_CONTEXT = Context()

_IMMUTABLE = log_records.IMMUTABLE
_last_kept = _kept.get
_PLAIN = logging.LogRecord
_Handler = logging.Handler
_HANDLE, _FILTER = logging.Handler.handle, logging.Filterer.filter
"""Methods of the standard library that `BaseLogHandler.handle` need not call, unless a program has replaced them."""
_exporting, _OUR_EXPORT = _context.exporting.get, _context.Exporting.OURS
_current_context, _read_context, _last_opened = _context.current, _context.read_current, _context.opened.get
_CENSUS_KEY, _SPAN_KEY, _spans = _context.CENSUS_KEY, _context.SPAN_KEY, _context.spans


_More: TypeAlias = tuple[object, float | None]
"""Custom measurements of a record, and the share of records that it stands for; None for each that it has not."""


class BaseLogHandler(logging.Handler, _handles.LogHandle):
    """A handle on an Application Insights resource, for loggers.

    Making one starts no thread and touches neither disk nor network; all handlers of one resource share one pipeline, and all handlers of
    the process one queue in front of the pipelines. A record is captured when it is logged, with the trace that is current, and converted
    by another thread. It is delivered once to each resource, however many handlers it meets on its way to the root logger.

    Records of this package, and those that are logged during an export, are dropped.

    Subclasses may override `log_record_to_envelope`, `emit`, `_export`, `_transmit` and `apply_telemetry_processors`; all but `emit` are
    called on the pipeline's thread, with a copy of the record.

    Args:
        options: See `opencensus.ext.azure.common.Options`. Here, `logging_sampling_rate` matters too (see `SamplingFilter`), and
            `logging_sampling_exempt_level`: records of this level and above, a name or a number, are never sampled out. Without it, the
            environment variable `OPENCENSUS_COMPAT_LOG_SAMPLING_EXEMPT_LEVEL` counts.

    Raises:
        ValueError: An option that cannot work; the message says what was expected, what came, and from where.

    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L44-L130
    """

    _is_event = False
    # For subclasses that leave `__init__` out, and bring an `emit` of their own.
    _sampling: SamplingFilter | None = None
    _has_own_steps = False
    _has_own_format = False
    _has_own_queue = True
    _consecutive_redirects = 0

    def __init__(self, **options: Any) -> None:
        super().__init__()
        option = options.pop(_EXEMPT_OPTION, None)
        given, settings, exempt = prepared(Options, options, exempt_level)
        self.options = given
        rate = given["logging_sampling_rate"]
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(f"Sampling must be in the range: [0,1]; logging_sampling_rate is {rate!r}.")
        self.export_interval = given["export_interval"]
        self.max_batch_size = given["max_batch_size"]
        self.storage: Any = None
        self._telemetry_processors: list[Callable[[Any], Any]] = []
        sampling: Any = SamplingFilter(rate)
        level = exempt if option is None else exempt_level(option)
        if level is not None:
            sampling.exempt_level = level
        self.addFilter(sampling)
        # A test of a program may have replaced the class by a mock, which `handle` must call.
        self._sampling = sampling if type(sampling) is _OwnFilter else None
        # Here, since `type()` costs a call for each record.
        self._class = type(self)
        self._resource = log_destination(settings, utils.azure_monitor_context, given, self)
        self._sharers = _exporter.sharers(settings, is_event=self._is_event)
        self._sharers.add_other()
        self._hand_over = _logs.hand_over()
        # Bound once: that is part of what a record costs.
        self._bound_work = self._work
        if not (Queue is _QUEUE and Worker is _WORKER):
            # A test of a program has replaced them, and expects the handler to use what it put there.
            self._queue = Queue(capacity=given.queue_capacity)
            self._worker = Worker(self._queue, self)
            _context.in_empty_context(self._worker.start)
        self._is_direct = self._resource.is_direct
        self._as_otel = self._resource.settings.envelope_shape == "otel"
        check_effect(self)

    @functools.cached_property
    def _queue(self) -> Any:
        return RecordQueue(self, lambda record: BaseLogHandler.emit(self, record))

    @functools.cached_property
    def _worker(self) -> Any:
        return RecordWorker(self)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, and note what replaces a method of the class that each record needs: that saves a search for each record."""
        _set(self, name, value)
        if name in _WATCHED:
            if name == "filter":
                _set(self, "_sampling", None)
            elif name == "format":
                _set(self, "_has_own_format", True)
            elif name == "_queue":
                _set(self, "_has_own_queue", type(value) is RecordQueue and value.is_of(self))
            else:
                _set(self, "_has_own_steps", True)

    @property
    def _pipeline(self) -> LogPart:
        part: LogPart = self._resource.part(_LOGS)  # type: ignore[assignment]  # the part of that signal is one
        return part

    def createLock(self) -> None:  # noqa: N802 - the standard library's name
        """Make no lock, as in OpenCensus: taking a record needs none.

        Source:
            https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L105-L106
        """
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit a record that passes the filters, and return what they returned.

        The standard library's own method enters the lock from Python 3.13 on, whether or not there is one.
        """
        if _Handler.handle is not _HANDLE:
            # A program has replaced it for all handlers; the replacement may call the original.
            if self.lock is None and sys.version_info >= (3, 13):
                super().createLock()
            return super().handle(record)
        filters: Any = self.filters
        sampling: Any = self._sampling
        # Without comparing lists: for nearly every record the handler's own filter is the only one, and mostly it is off, which needs no call.
        # A filter that a program has replaced, on the object or on its class, is called.
        if len(filters) == 1 and filters[0] is sampling and SamplingFilter.filter is _SAMPLE and self._class.filter is _FILTER:
            if not sampling._lets_all_pass and not sampling.filter(record):
                return False
        else:
            passed: Any = self.filter(record)
            if not passed:
                refused: bool = passed
                return refused
            if passed is not True and isinstance(passed, logging.LogRecord):
                # From Python 3.12 on, filters may replace the record.
                record = passed
        lock = self.lock
        if lock is None:
            self.emit(record)
        else:
            with lock:
                self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record. Never raises; without room the record is lost, and that is counted."""
        # All in one method: calls are a good part of what this costs.
        if not self._has_own_queue and _putting.handler is not self:
            self._queue.put(record, block=False)
            return
        name = record.name
        try:
            tree = _trees[name]
        except KeyError:
            tree = tree_of(name)
        if (tree and (tree is _OURS or is_suppressed())) or _exporting() is _OUR_EXPORT:
            return
        changing: Frozen = None
        arguments, form = record.args, record.msg
        if type(form) is not str or (type(record) is not _PLAIN and not is_plain(record)):
            changing = message_of(record)
        elif arguments:
            if type(arguments) is tuple:
                for argument in arguments:
                    if type(argument) not in _IMMUTABLE:
                        # The most usual case is a single list, whose copy costs less than its text. More copies would cost more: each is
                        # one more object for the garbage collector.
                        if type(argument) is list and len(arguments) == 1:
                            changing = tuple(argument)
                            for item in changing:
                                if type(item) not in _IMMUTABLE:
                                    changing = frozen_message(record, form, arguments)
                                    break
                        else:
                            changing = frozen_message(record, form, arguments)
                        break
            else:
                changing = frozen_message(record, form, arguments)
        dimensions = getattr(record, "custom_dimensions", None)
        if dimensions is not None:
            if type(dimensions) is dict:
                # As `frozen`, without the call where nothing in it can change.
                dimensions = dimensions.copy()
                # At first without the keys, with which it takes a tenth of a record longer: few dimensions have to be copied themselves.
                for value in dimensions.values():
                    if type(value) not in _IMMUTABLE:
                        for key, each in dimensions.items():
                            if type(each) not in _IMMUTABLE:
                                dimensions[key] = log_records.frozen(each)
                        break
            else:
                dimensions = log_records.frozen(dimensions)
        more = None
        if _all_filters.has_kept or self._is_event:
            more = self._more_of(record)
        try:
            # The fields that formatters of later handlers change most. A copy of all fields would double what a record costs.
            level, exc_info = record.levelname, record.exc_info
        except AttributeError:
            level = exc_info = _ABSENT
        hand_over = self._hand_over
        # As `HandOver.put` does.
        waiting = hand_over.waiting
        if len(waiting) >= hand_over.max_values:
            hand_over.count_dropped(self._count_dropped)
            return
        # As `_context.current`, without the call where that returns the same.
        context = _read_context()
        if context:
            innermost: Any = context.get(_CENSUS_KEY)
            if innermost is None or innermost[1] is not context.get(_SPAN_KEY):
                context = _current_context()
        elif _spans.were_entered and (opened := _last_opened()) is not None and opened[0] is not None:
            context = _current_context()
        waiting.extend((self._bound_work, record, context, changing, dimensions, more, form, arguments, level, exc_info))
        if not hand_over.is_awake:
            hand_over.wake()

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record. The formatter runs once for each record."""
        known: str | None = formatted_before(record)
        return super().format(record) if known is None else known

    def _text_of(self, record: logging.LogRecord) -> Any:
        """Return the text of a record, as `text_of` does.

        Without a formatter, an exception or a stack, that is the record's message: the standard library takes 1.5 us to find that out.
        """
        if (
            self.formatter is None
            and self._has_own_format is False
            and not (record.exc_info or record.exc_text or record.stack_info)
            and type(self).format is _OWN_FORMAT
            and formats_plainly()
        ):
            try:
                text = record.message = record.getMessage()
            except _exporter.failure():  # `text_of` reports it
                pass
            else:
                if type(text) is str:
                    return text
        return text_of(self, record)

    def log_record_to_envelope(self, record: logging.LogRecord) -> Envelope:
        """Return the envelope of a record; to be overridden."""
        raise NotImplementedError

    def flush(self, timeout: float | None = None) -> None:
        """Export what was logged, and return when that is done or the time is over; what is left is exported or stored later.

        Args:
            timeout: Seconds; without it, the `grace_period`. At the end of the process, what is left of that for the whole process.
        """
        # An export cannot wait for itself.
        if _exporting() is _OUR_EXPORT:
            return
        # `logging.config` flushes and closes handlers while it holds the lock that the pipeline's threads need in order to go on. The records
        # are in the pipeline already, and will be exported.
        if hasattr(self, "_resource") and not _exporter.holds_logging_lock():
            flush_logs(functools.partial(self._resource.made, _LOGS), self.options.grace_period if timeout is None else timeout)

    def close(self, timeout: float | None = None) -> None:
        """Export what was logged, as `flush` does. The pipeline goes on for other handlers, and for this one if it is used again."""
        try:
            self.flush(timeout)
        finally:
            super().close()

    def _export(self, batch: Iterable[logging.LogRecord], event: QueueEvent | None = None) -> None:
        """Convert records, apply the telemetry processors and send. `event` is set when that is done."""
        try:
            envelopes = [envelope for record in batch for envelope in each_made(self.log_record_to_envelope(record), _SEVERAL)]
            if envelopes:
                mine: Any = self
                mine._transmit(mine.apply_telemetry_processors(envelopes))
        finally:
            if event is not None:
                event.set()

    def _more_of(self, record: logging.LogRecord) -> _More | None:
        """Return the measurements and the share of a record; None where it has neither."""
        kept = _last_kept()
        measurements = getattr(record, "custom_measurements", None) if self._is_event else None
        share = kept[2] if kept is not None and kept[0]() is record and kept[1] in self.filters else None
        if measurements is None and share is None:
            return None
        return None if measurements is None else log_records.frozen(measurements), share

    def _count_dropped(self, records: int) -> None:
        self._pipeline.dropped_before(records)

    def _work(self, *taken: Any) -> None:
        """Hand on a record that was taken; see `emit_taken`. Runs on the hand-over's thread."""
        try:
            emit_taken(self, *taken)
        except _exporter.failure() as error:  # A record may hold anything, and a provider's processors may do anything
            self._pipeline.not_emitted(error)

    def _envelopes(self, pieces: list[Piece]) -> _taken.Envelopes:
        """Return the envelopes of the records that no other handler of the resource has sent.

        Args:
            pieces: The records.
        """
        left = [piece for piece in pieces if piece[1] is None or not piece[1].is_sent]
        shared = [piece for piece in left if piece[1] is not None and piece[1].is_shared]
        # A record that another handler may send is converted by itself: of several, nobody can tell which one was dropped.
        groups = [[piece for piece in left if piece[1] is None or not piece[1].is_shared], *([piece] for piece in shared)]
        return [envelope for group in groups if group for envelope in self._envelopes_of(group)]

    def _envelopes_of(self, pieces: list[Piece]) -> _taken.Envelopes:
        item = pieces[0][1]
        if item is None or item.claim is None:
            return self._made_of(pieces)
        return item.claim.settle(_exporter.OPENCENSUS, functools.partial(self._made_of, pieces))

    def _made_of(self, pieces: list[Piece]) -> _taken.Envelopes:
        before = while_formatted([formatted for _, _, formatted in pieces if formatted is not None])
        try:
            with collected() as envelopes:
                self._export([record for record, _, _ in pieces])
        finally:
            while_formatted(before)
        for _, item, _ in pieces:
            if item is not None:
                item.is_sent = bool(envelopes)
        return envelopes

    def _takes_batches(self) -> bool:
        """Return whether a step that is called with all of a batch was replaced."""
        return _STEPS_OF_BATCHES.are_replaced(self, self._own_steps())

    def _own_steps(self) -> Mapping[str, object]:
        """Return the object's own attributes, if a step of the export is, or was, among them.

        Once anybody has read the `__dict__` of an object, Python 3.11 searches for each of its attributes: a quarter of what a record costs
        the thread that logs.
        """
        return self.__dict__ if self._has_own_steps else _NO_STEPS

    def _envelope_of(self, record: logging.LogRecord) -> Envelope:
        """Return the envelope that the exporter makes of a record."""
        part: LogPart = self._resource.part(_LOGS)  # type: ignore[assignment]  # the part of that signal is one
        # A record that is exported has its ids on it, see `emit_taken`.
        ids = ids_of(record, _NO_CONTEXT if _exporting() is _OUR_EXPORT else _context.current(), as_otel=self._as_otel)
        envelope = envelope_of(self, part, record, ids)
        if create_envelope is _CREATE:
            return envelope
        # A program has replaced the function that OpenCensus's conversions start with: it sets tags, time and key.
        made = create_envelope(self.options.instrumentation_key, record)
        made.name, made.data = envelope.name, envelope.data
        return made

    def _conversion(self) -> object:
        """Return the function that makes the handler's envelopes: that of its class, or one that a program has set on the object."""
        found = self.log_record_to_envelope
        return found.__func__ if type(found) is MethodType else found

    def _is_changed(self) -> bool:
        """Return whether a subclass, or a program that patched the class or this object, replaced a step of the export."""
        own = self._own_steps()
        conversion = None if "log_record_to_envelope" in own else getattr(type(self), "log_record_to_envelope", None)
        is_own = conversion is _OF_LOGS or conversion is _OF_EVENTS
        return not is_own or create_envelope is not _CREATE or _STEPS_OF_BATCHES.are_replaced(self, own)


_exporter.shows_no_own_lines(BaseLogHandler)


class AzureLogHandler(BaseLogHandler, TransportMixin, ProcessorMixin):
    """Sends log records as messages, and those with an exception as exceptions.

    Properties are the process name, module, file, line and level, and the dict given as `extra={"custom_dimensions": {...}}`.

    Args:
        options: See `BaseLogHandler`.

    Raises:
        ValueError: An option that cannot work; the message says what was expected, what came, and from where.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if self._check_stats_collection():
            statsbeat.collect_statsbeat_metrics(self.options)

    def log_record_to_envelope(self, record: logging.LogRecord) -> Envelope:
        """Return the envelope of a record."""
        return self._envelope_of(record)


class AzureEventHandler(TransportMixin, ProcessorMixin, BaseLogHandler):
    """Sends log records as custom events, named by their message.

    Properties are the dict given as `extra={"custom_dimensions": {...}}`, measurements the one given as `custom_measurements`.

    Args:
        options: See `BaseLogHandler`.

    Raises:
        ValueError: An option that cannot work; the message says what was expected, what came, and from where.
    """

    _is_event = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if self._check_stats_collection():
            statsbeat.collect_statsbeat_metrics(self.options)

    def log_record_to_envelope(self, record: logging.LogRecord) -> Envelope:
        """Return the envelope of a record."""
        return self._envelope_of(record)


def create_envelope(instrumentation_key: str, record: logging.LogRecord) -> Envelope:
    """Return an envelope with the tags and the time of a record, and its trace: the one on the record, else the current one.

    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L298-L314
    """
    ids = ids_of(record, _context.current())
    tags = dict(utils.azure_monitor_context)
    if ids.trace_text:
        tags["ai.operation.id"] = ids.trace_text
    if ids.span_text:
        tags["ai.operation.parentId"] = ids.span_text
    return Envelope(iKey=instrumentation_key, tags=tags, time=utils.timestamp_to_iso_str(record.created))


# What programs replace, as it is here.
_OF_LOGS, _OF_EVENTS = AzureLogHandler.log_record_to_envelope, AzureEventHandler.log_record_to_envelope
_OWN_FORMAT = BaseLogHandler.format
_CREATE = create_envelope
_QUEUE, _WORKER = Queue, Worker
_OwnFilter, _SAMPLE = SamplingFilter, SamplingFilter.filter
_STEPS_OF_BATCHES = Steps(AzureLogHandler, *_BATCH_STEPS)
