"""Log records, exceptions and custom events to Application Insights, through the OpenTelemetry pipeline of the handler's destination."""

from __future__ import annotations

import functools
import logging
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from types import GeneratorType, MethodType
from typing import Any

from opentelemetry.trace import TraceFlags

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge import settings as _settings
from opencensus_compat._bridge.convert import log_records, oc_to_otel
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.pipeline import taken as _taken
from opencensus_compat._bridge.pipeline.ending import flush_logs
from opencensus_compat._bridge.process import LOGS as _LOGS
from opencensus_compat._bridge.process import on_reset, report
from opencensus_compat._bridge.providers import logs as _logs
from opencensus_compat._bridge.providers.logs import log_destination, log_router
from opencensus_compat._bridge.running_spans import rate_of
from opencensus_compat.common.schedule import Queue, QueueEvent, QueueExitEvent
from opencensus_compat.ext.azure.common import Options, settings_of, utils
from opencensus_compat.ext.azure.common._steps import Steps
from opencensus_compat.ext.azure.common.exporter import _finish
from opencensus_compat.ext.azure.common.processor import ProcessorMixin, check_effect
from opencensus_compat.ext.azure.common.protocol import Data, Envelope, Event, ExceptionData, Message
from opencensus_compat.ext.azure.common.storage import LocalFileStorage
from opencensus_compat.ext.azure.common.transport import TransportMixin, TransportStatusCode, collected, each_made
from opencensus_compat.ext.azure.statsbeat import statsbeat

logger = logging.getLogger("opencensus.ext.azure.log_exporter")

__all__ = ["AzureEventHandler", "AzureLogHandler"]

# Subclasses that build envelopes themselves take these names from here.
_FOR_SUBCLASSES = (Data, Event, ExceptionData, LocalFileStorage, Message, Queue, TransportStatusCode, statsbeat)

__getattr__ = patch_targets(__name__, "traceback")

EXEMPT_VARIABLE = "OPENCENSUS_COMPAT_LOG_SAMPLING_EXEMPT_LEVEL"
"""Environment variable for the option `logging_sampling_exempt_level`."""

_EXEMPT_OPTION = "logging_sampling_exempt_level"
_SEVERAL = (list, tuple, GeneratorType)
"""What a conversion returns of which one envelope is expected, if it has more."""
_BATCH_STEPS = ("_export", "apply_telemetry_processors", "_transmit")
_STEP_NAMES = frozenset({"log_record_to_envelope", *_BATCH_STEPS})
"""Steps of the export that programs replace."""
_NO_STEPS: Mapping[str, object] = {}


_kept: ContextVar[tuple[weakref.ref[Any], SamplingFilter, float] | None] = ContextVar("opencensus-kept-record", default=None)
"""The record that a filter kept last, the filter, and what share of records that keeps."""


class _Sampling:
    """What is known of all filters. A bare flag: it is read for every record, which is slower where the class has one, too."""

    def __init__(self) -> None:
        self.has_kept = False
        """Whether any has kept a share of what it saw."""


_sampling = _Sampling()


class _Putting(threading.local):
    """What this thread puts into a queue."""

    handler: BaseLogHandler | None = None
    """The handler whose own queue it is inside."""


_putting = _Putting()

_items = _taken.Items()
_IMMUTABLE = log_records.IMMUTABLE
_last_kept = _kept.get
_AS_LOGGED = ("msg", "args", "levelname", "exc_info")
"""Fields of records that formatters are known to change, and that are read when a record is logged."""
_ABSENT: Any = object()
"""Stands for what a record lacks that is none of the standard library's."""
_PLAIN = logging.LogRecord
_Handler = logging.Handler
_HANDLE, _FILTER = logging.Handler.handle, logging.Filterer.filter
"""Steps of the standard library's that `BaseLogHandler.handle` takes without a call, as they are."""
_exporting, _OUR_EXPORT = _context.exporting.get, _context.Exporting.OURS
_current_context, _read_context, _last_opened = _context.current, _context.read_current, _context.opened.get
_CENSUS_KEY, _SPAN_KEY, _spans = _context.CENSUS_KEY, _context.SPAN_KEY, _context.spans

_APPLICATION, _OURS, _LIBRARY = 0, 1, 2
_OWN_TREES = frozenset({"appinsights_exporter", "opencensus", "opencensus_compat"})
_LIBRARY_TREES = frozenset(
    {"azure", "chardet", "charset_normalizer", "grpc", "h2", "httpcore", "httpx", "msal", "opentelemetry", "requests", "urllib3"}
)
"""What exporters work with: what these log while a thread exports is not the application's."""
_MOST_NAMES = 10_000
_SUPPRESSED = ("suppress_instrumentation", "suppress_http_instrumentation")
"""Beginnings of the context keys that say that what runs is an exporter's."""

_trees: dict[str, int] = {}
on_reset(_trees.clear)
"""Name of a logger -> whose it is."""


class BaseLogHandler(logging.Handler, _handles.LogHandle):
    """A handle on an Application Insights resource, for loggers.

    Making one starts no thread and touches neither disk nor network; all handlers of one resource share one pipeline, and all handlers of
    the process one queue in front of the pipelines. A record is captured when it is logged, with the trace that is current, and worked on
    by another thread. It is delivered once to each resource, whatever number of handlers it meets on its way to the root logger.

    Never taken are the records of this package, and what is logged while telemetry is exported.

    Subclasses may override `log_record_to_envelope`, `emit`, `_export`, `_transmit` and `apply_telemetry_processors`; all but `emit` are
    called on the pipeline's thread, with a copy of the record.

    Args:
        options: See `opencensus.ext.azure.common.Options`. Here, `logging_sampling_rate` matters too (see `SamplingFilter`), and
            `logging_sampling_exempt_level`: records of this level and above, a name or a number, are never sampled out. Without it, the
            environment variable `OPENCENSUS_COMPAT_LOG_SAMPLING_EXEMPT_LEVEL` says.

    Raises:
        ValueError: An option that cannot work; the message says what was expected, what came, and from where.
    """

    _is_event = False
    # For subclasses that leave `__init__` out, and bring an `emit` of their own.
    _sampling: SamplingFilter | None = None
    _has_own_steps = False

    def __init__(self, **options: Any) -> None:
        super().__init__()
        exempt_level = _level(options.pop(_EXEMPT_OPTION, None), _settings.said(EXEMPT_VARIABLE) or None)
        self.options = Options(**options)
        settings = settings_of(self.options)
        rate = self.options.logging_sampling_rate
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(f"Sampling must be in the range: [0,1]; logging_sampling_rate is {rate!r}.")
        self.export_interval = self.options.export_interval
        self.max_batch_size = self.options.max_batch_size
        self.storage: Any = None
        self._telemetry_processors: list[Callable[[Any], Any]] = []
        sampling: Any = SamplingFilter(rate)
        sampling.exempt_level = exempt_level
        self.addFilter(sampling)
        # Programs' tests may have put a mock in the place of the class; what that answers, `handle` does not guess.
        self._sampling = sampling if type(sampling) is _OwnFilter else None
        # To ask an object for its class costs a call.
        self._class = type(self)
        self._where = log_destination(settings, utils.azure_monitor_context, self.options, self)
        self._grace_period = self.options.grace_period
        self._hand_over = _logs.hand_over()
        # Bound once: that is part of what a record costs.
        self._bound_work = self._work
        self._takes_measurements = self._is_event
        self._queue: Any = _RecordQueue(self)
        self._own_queue: Any = self._queue
        self._worker: Any = _RecordWorker(self)
        if not (Queue is _QUEUE and Worker is _WORKER):
            # Tests of programs have put something in their place, which OpenCensus's handlers are made of.
            self._queue = Queue(capacity=self.options.queue_capacity)
            self._worker = Worker(self._queue, self)
            self._worker.start()
        self._consecutive_redirects = 0
        self._is_direct = self._where.is_direct
        check_effect(self)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and note a filter or a step of the export that the object gets of its own: no record need be searched for it."""
        super().__setattr__(name, value)
        if name == "filter":
            super().__setattr__("_sampling", None)
        elif name in _STEP_NAMES:
            super().__setattr__("_has_own_steps", True)

    @property
    def _pipeline(self) -> Any:
        return self._where.part(_LOGS)

    def createLock(self) -> None:  # noqa: N802 - the standard library's name
        """Make no lock, as in OpenCensus: taking a record needs none."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> Any:
        """Emit a record that passes the filters, and return what they said.

        The standard library's own method enters the lock from Python 3.13 on, whether or not there is one.
        """
        if _Handler.handle is not _HANDLE:
            # A program has put something else in its place, for all handlers; it may call the original.
            if self.lock is None and sys.version_info >= (3, 13):
                super().createLock()
            return super().handle(record)
        filters: Any = self.filters
        sampling: Any = self._sampling
        # Without a call, and without comparing lists: nearly every record comes with nothing but the handler's own filter, which is off.
        # What programs put in a filter's place, here or on a class, is asked.
        if (
            len(filters) != 1
            or filters[0] is not sampling
            or not sampling._lets_all_pass
            or SamplingFilter.filter is not _SAMPLE
            or self._class.filter is not _FILTER
        ):
            passed: Any = self.filter(record)
            if not passed:
                return passed
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
        # All in one: calls are a good part of what this costs.
        queue = self._queue
        if queue is not self._own_queue and _putting.handler is not self:
            queue.put(record, block=False)
            return
        name = record.name
        try:
            tree = _trees[name]
        except KeyError:
            tree = _tree_of(name)
        if (tree and (tree is _OURS or _is_suppressed())) or _exporting() is _OUR_EXPORT:
            return
        changing: Any = None
        arguments, form = record.args, record.msg
        if type(form) is not str or (type(record) is not _PLAIN and not _is_plain(record)):
            changing = _message(record)
        elif arguments:
            if type(arguments) is tuple:
                for argument in arguments:
                    if type(argument) not in _IMMUTABLE:
                        # The most usual of these: a list, alone, which to copy costs less than its text. More copies would cost more,
                        # each being one more object for the garbage collector.
                        if type(argument) is list and len(arguments) == 1:
                            changing = tuple(argument)
                            for item in changing:
                                if type(item) not in _IMMUTABLE:
                                    changing = _as_it_is(record, form, arguments)
                                    break
                        else:
                            changing = _as_it_is(record, form, arguments)
                        break
            else:
                changing = _as_it_is(record, form, arguments)
        dimensions = getattr(record, "custom_dimensions", None)
        if dimensions is not None:
            if type(dimensions) is dict:
                dimensions = dimensions.copy()
                for value in dimensions.values():
                    if type(value) not in _IMMUTABLE:
                        dimensions = log_records.frozen(dimensions)
                        break
            else:
                dimensions = log_records.frozen(dimensions)
        more = None
        if _sampling.has_kept or self._takes_measurements:
            more = self._more_of(record)
        try:
            # What formatters change most is taken as it is now: the handlers after this one have some, too. A copy of all fields would
            # double what a record costs.
            level, exc_info = record.levelname, record.exc_info
        except AttributeError:
            level = exc_info = _ABSENT
        hand_over = self._hand_over
        # As `HandOver.put` does.
        waiting = hand_over.waiting
        if len(waiting) >= hand_over.most:
            hand_over.lose(self._lost)
            return
        # As `_context.current`, without the call where it finds nothing else.
        context = _read_context()
        if context:
            innermost: Any = context.get(_CENSUS_KEY)
            if innermost is None or innermost[1] is not context.get(_SPAN_KEY):
                context = _current_context()
        elif _spans.were_entered and (opened := _last_opened()) is not None and opened[0] is not None:
            context = _current_context()
        waiting.extend((self._bound_work, record, context, changing, dimensions, more, form, arguments, level, exc_info))
        if not hand_over.is_awake:
            hand_over.rouse()

    def format(self, record: Any) -> Any:
        """Return the text of a record. The formatter runs once for each record, whoever asks."""
        known = _taken.formatted_before(record)
        return super().format(record) if known is None else known

    def log_record_to_envelope(self, record: Any) -> Any:
        """Return the envelope of a record; to be overridden."""
        raise NotImplementedError

    def flush(self, timeout: float | None = None) -> None:
        """Send what was logged, and return when it was sent or the time is over: it is sent or stored later then.

        Args:
            timeout: Seconds; without it, the `grace_period`. At the end of the process, what is left of that for the whole process.
        """
        # What exports cannot wait for itself.
        if _exporting() is _OUR_EXPORT:
            return
        # `logging.config` flushes and closes handlers while it holds the lock that the pipeline's threads need in order to go on. What
        # was logged is the pipeline's already, and will be sent.
        if hasattr(self, "_where") and not _holds_logging_lock():
            flush_logs(functools.partial(self._where.made, _LOGS), self._grace_period if timeout is None else timeout)

    def close(self, timeout: float | None = None) -> None:
        """Send what was logged, as `flush` does. The pipeline goes on for other handlers, and for this one if it is used again."""
        try:
            self.flush(timeout)
        finally:
            super().close()

    def _export(self, batch: Iterable[Any], event: Any = None) -> None:
        """Convert records, apply the telemetry processors and send. `event` is set when that is done."""
        try:
            envelopes = [envelope for record in batch for envelope in each_made(self.log_record_to_envelope(record), _SEVERAL)]
            if envelopes:
                mine: Any = self
                mine._transmit(mine.apply_telemetry_processors(envelopes))
        finally:
            if event is not None:
                event.set()

    def _more_of(self, record: Any) -> tuple[Any, float | None] | None:
        """Return the measurements of a record, and the share of records that it stands for; None where it has neither."""
        kept = _last_kept()
        measurements = getattr(record, "custom_measurements", None) if self._takes_measurements else None
        share = kept[2] if kept is not None and kept[0]() is record and kept[1] in self.filters else None
        if measurements is None and share is None:
            return None
        return None if measurements is None else log_records.frozen(measurements), share

    def _lost(self, records: int) -> None:
        self._pipeline.dropped_before(records)

    def _work(self, taken: logging.LogRecord, context: Any, changing: Any, dimensions: Any, more: Any, *fields: Any) -> None:
        """Put a record that was taken through the logger provider. Runs on the hand-over's thread.

        Args:
            taken: The record.
            context: The OpenTelemetry context in which it was logged.
            changing: See `_copied`.
            dimensions: Its custom dimensions, as they were; or None.
            more: See `_more_of`.
            fields: What `_AS_LOGGED` names, as it was.
        """
        try:
            self._emit_taken(taken, fields, context, changing, dimensions, *(more or (None, None)))
        except _exporter.failure() as error:  # A record may hold anything, and a provider's processors may do anything
            self._pipeline.not_emitted(error)

    def _emit_taken(
        self,
        taken: logging.LogRecord,
        as_logged: tuple[Any, ...],
        context: Any,
        changing: Any,
        dimensions: Any,
        measurements: Any,
        share: float | None,
    ) -> None:
        router = log_router()
        if not self._is_event and router.has_seen(taken, self._where):
            return
        item, is_first = _items.of(taken, self, self._where, self._conversion())
        item.stands_for(1.0 if share is None else share)
        if item.is_certain:
            return
        fields = {**taken.__dict__, **{name: value for name, value in zip(_AS_LOGGED, as_logged, strict=True) if value is not _ABSENT}}
        if dimensions is not None:
            fields["custom_dimensions"] = dimensions
        if measurements is not None:
            fields["custom_measurements"] = measurements
        record = _copied(taken, fields, changing)
        percent = item.percent
        ids = _correlated(record, context)
        has_exception = bool(record.exc_info) and bool(ids.trace_text) and not self._is_event
        if has_exception and is_first:
            self._where.exceptions.note(ids.trace_text, log_records.exc_info_of(record), item)
        may_refuse = self._is_direct and bool(self._telemetry_processors or self._is_changed())
        if is_first and not may_refuse and (percent is None or self._where.log_handlers <= 1):
            router.send(self._otel_record(record, ids, percent, context), self._pipeline, None)
            item.is_certain = True
            return
        formatted = None
        if is_first and router.has_audience():
            # Those get the text, too, and the program's own conversion gets the record as it was before the formatter came.
            formatted = _taken.Formatted(record)
            otel = self._otel_record(formatted.twin, ids, percent, context)
            formatted.text = otel.body
        else:
            otel = self._otel_record(record, ids, percent, context, is_read=False)
        pieces = [(record, item, formatted)]
        if self._takes_batches():
            prepared = _exporter.Prepared(self._envelopes, None, percent, pieces)
        else:
            convert: Callable[[], list[Any]] = functools.partial(self._envelopes, pieces)
            if has_exception:
                convert = _taken.Maker(item, convert).envelopes
            prepared = _exporter.Prepared(convert, None, percent)
        make = item.watch(prepared).to_envelopes
        (router.send if is_first else router.send_again)(otel, self._pipeline, make)
        item.is_certain = not may_refuse

    def _envelopes(self, pieces: list[tuple[Any, _taken.Item, _taken.Formatted | None]]) -> list[Any]:
        """Return the envelopes of records; none of one that another handler of the resource has sent.

        Args:
            pieces: Each record, the item that it becomes, and what its formatter made of it.
        """
        left = [piece for piece in pieces if not piece[1].is_sent]
        # Which of several was refused nobody can say, so that one which another handler may send goes by itself.
        groups = [[piece for piece in left if not piece[1].is_shared], *([piece] for piece in left if piece[1].is_shared)]
        return [envelope for group in groups if group for envelope in self._envelopes_of(group)]

    def _envelopes_of(self, pieces: list[tuple[Any, _taken.Item, _taken.Formatted | None]]) -> list[Any]:
        before = _taken.while_formatted([formatted for _, _, formatted in pieces if formatted is not None])
        try:
            with collected() as envelopes:
                self._export([record for record, _, _ in pieces])
        finally:
            _taken.while_formatted(before)
        for _, item, _ in pieces:
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

    def _otel_record(self, record: Any, ids: _Ids, percent: float | None = None, context: Any = None, *, is_read: bool = True) -> Any:
        """Return the OpenTelemetry record of a record. The formatter comes last: it may change what it is given, as in OpenCensus.

        Args:
            record: The record.
            ids: Its trace and span.
            percent: The share of records that it stands for; None for itself alone.
            context: The context in which it was logged.
            is_read: Whether anybody reads its text.
        """
        attributes = log_records.event_attributes(record) if self._is_event else log_records.attributes(record)
        measurements = getattr(record, "custom_measurements", None) if self._is_event else None
        if isinstance(measurements, dict) and measurements:
            attributes["microsoft.custom_measurements"] = log_records.measurements(measurements)
        attributes.update(ids.attributes)
        if percent is not None:
            attributes[oc_to_otel.SAMPLE_RATE] = percent
        dimensions = getattr(record, "custom_dimensions", None)
        if isinstance(dimensions, dict) and dimensions:
            attributes.update(log_records.dimensions(dimensions))
        exc_info = None if self._is_event else record.exc_info
        error, frames = log_records.exc_info_of(record)[1:] if exc_info else (None, None)
        names = _exporter.sdk_logs()
        told = {
            "timestamp_ns": round(record.created * 1e6) * 1000,
            "severity_number": names.SeverityNumber(log_records.severity_number(record.levelno)),
            "severity_text": record.levelname,
        }
        body = _body(self, record) if is_read else ""
        if self._is_event:
            attributes[log_records.EVENT_NAME] = body or log_records.NO_NAME
        elif isinstance(exc_info, tuple) and exc_info and exc_info[-1] is None:
            # Without a traceback the message is only that, as in OpenCensus.
            body = getattr(record, "message", None) or body
        made = names.new_record(
            trace_id=ids.trace_id, span_id=ids.span_id, trace_flags=ids.flags, context=context, body=body, attributes=attributes, **told
        )
        if isinstance(error, BaseException):
            _exporter.note_raised(made, error, frames)
        return made

    def _conversion(self) -> Any:
        """Return what makes the handler's envelopes: the function of its class, or one that a program has put on the object."""
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

    def log_record_to_envelope(self, record: Any) -> Any:
        """Return the envelope of a record."""
        return _converted(self, record)


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

    def log_record_to_envelope(self, record: Any) -> Any:
        """Return the envelope of a record."""
        return _converted(self, record)


class SamplingFilter(logging.Filter):
    """Lets a share of the records pass.

    At 1.0 everything passes. Below that, the records of a trace stay together: none passes of a trace that is not sampled, and of one
    that is, all do or none, by the hash of the trace id that every Application Insights SDK uses. Where the trace itself was kept at a
    lower rate than the filter's, its records are all kept. Records outside any trace pass by chance, each for itself. What passes
    carries the share that it stands for, so that the service's counts are right.

    Args:
        probability: The share, 0.0 to 1.0.
    """

    _has_own_filter = False
    _lets_all_pass: bool
    exempt_level: int | None = None
    """Records of this level and above always pass, and stand for themselves."""

    def __init__(self, probability: float = 1.0) -> None:
        super().__init__()
        self.probability = probability
        # The program's own generator is left alone, so that a seed of its own gives what it gave.
        self._chance = random.Random().random  # noqa: S311 - it keeps no secret

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute. Whether all records pass is noted, so that it need not be found out for each."""
        super().__setattr__(name, value)
        if name == "probability":
            is_off = isinstance(value, (int, float)) and value >= 1
            super().__setattr__("_lets_all_pass", is_off and not self._has_own_filter)
        elif name == "filter":
            super().__setattr__("_has_own_filter", True)
            super().__setattr__("_lets_all_pass", False)

    def filter(self, record: Any) -> bool:
        """Return whether a record passes."""
        if self.probability >= 1:
            return True
        share = self._share(record)
        if share > 0:
            _kept.set((weakref.ref(record), self, share))
            _sampling.has_kept = True
        return share > 0

    def _share(self, record: Any) -> float:
        """Return the share of records that one like this stands for; 0 for one that does not pass."""
        wanted = self.probability
        if self.exempt_level is not None and record.levelno >= self.exempt_level:
            return 1.0
        context = _context.current()
        ids = _ids_of(record, context)
        if not ids.trace_id:
            return wanted if self._chance() < wanted else 0.0
        if not ids.flags.sampled:
            return 0.0
        of_trace = rate_of(_context.otel_span(context)) if ids.is_current else 1.0
        if wanted >= of_trace:
            return of_trace
        # A trace that was kept by the hash of its id has a low one; its halves exchanged, the id gives another that says nothing of it.
        trace_id = ids.trace_id if of_trace == 1 else (ids.trace_id >> 64 | ids.trace_id << 64)
        return wanted if _exporter.sampling_score(trace_id) < wanted / of_trace else 0.0


class Worker(threading.Thread):
    """Takes batches from a queue and gives them to a handler's `_export`, for programs that run queue and thread themselves.

    Args:
        src: The queue.
        dst: The handler.
    """

    daemon = True

    def __init__(self, src: Any, dst: Any) -> None:
        super().__init__(name=f"{type(dst).__name__} Worker", daemon=True)
        self._src = src
        self._dst = dst
        self._stopping = False

    def run(self) -> None:
        """Work until the queue's exit event arrives."""
        _context.exporting.set(_OUR_EXPORT)
        while True:
            batch = self._src.gets(self._dst.max_batch_size, self._dst.export_interval)
            event = batch[-1] if batch and isinstance(batch[-1], QueueEvent) else None
            try:
                if event is None:
                    self._dst._export(batch)
                else:
                    self._dst._export(batch[:-1], event=event)
            except _exporter.failure():
                logger.exception("Unhandled exception from exporter.")
            if event is self._src.EXIT_EVENT:
                return

    def stop(self, timeout: float | None = None) -> float | None:
        """Let the thread finish what is queued.

        Args:
            timeout: Seconds to wait at most.
        Returns: Seconds it took, None when it did not finish in time.
        """
        return _finish(self, self._src, timeout)


def create_envelope(instrumentation_key: str, record: Any) -> Envelope:
    """Return an envelope with the tags and the time of a record, and its trace: the one on the record, else the current one."""
    ids = _ids_of(record, _context.current())
    tags = dict(utils.azure_monitor_context)
    if ids.trace_text:
        tags["ai.operation.id"] = ids.trace_text
    if ids.span_text:
        tags["ai.operation.parentId"] = ids.span_text
    return Envelope(iKey=instrumentation_key, tags=tags, time=utils.timestamp_to_iso_str(record.created))


class _RecordQueue:
    """What programs ask of a handler's queue, answered by the queue of the process."""

    def __init__(self, handler: BaseLogHandler) -> None:
        self._handler = handler
        self.EXIT_EVENT = QueueExitEvent("EXIT")

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute. What takes the place of `put` is given the handler's records from now on."""
        super().__setattr__(name, value)
        if name == "put":
            self._handler._own_queue = None

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Take a record. An event is set when what came before was sent."""
        if isinstance(item, QueueEvent):
            self._handler.flush(timeout)
            item.set()
            return
        before, _putting.handler = _putting.handler, self._handler
        try:
            BaseLogHandler.emit(self._handler, item)
        finally:
            _putting.handler = before

    def puts(self, items: Iterable[Any], block: bool = True, timeout: float | None = None) -> None:
        """Take records."""
        for item in items:
            self.put(item, block, timeout)

    def gets(self, count: int, timeout: float) -> tuple[Any, ...]:
        """Wait, and return nothing but the exit event: the pipeline takes the records."""
        return (self.EXIT_EVENT,) if self.EXIT_EVENT.wait(timeout) else ()

    def is_empty(self) -> bool:
        """Return whether nothing waits to be worked on."""
        return self._handler._hand_over.is_empty()

    def flush(self, timeout: float | None = None) -> float:
        """Send what was taken, and return the seconds it took."""
        began = time.monotonic()
        self._handler.flush(timeout)
        return time.monotonic() - began


class _RecordWorker:
    """What programs ask of a handler's thread, answered by the pipeline."""

    daemon = True

    def __init__(self, handler: BaseLogHandler) -> None:
        self._handler = handler
        self.name = f"{type(handler).__name__} Worker"

    def is_alive(self) -> bool:
        """Return True."""
        return True

    def start(self) -> None:
        """Do nothing: the pipeline starts with the first record."""

    def stop(self, timeout: float | None = None) -> float:
        """Send what was taken, and return the seconds it took."""
        began = time.monotonic()
        self._handler.flush(timeout)
        return time.monotonic() - began

    def join(self, timeout: float | None = None) -> None:
        """Send what was taken."""
        self.stop(timeout)


class _Ids:
    """The trace and span that a record belongs to: those on the record, else the current ones."""

    __slots__ = ("flags", "is_current", "span_id", "span_text", "trace_id", "trace_text")

    def __init__(self, trace_id: int, span_id: int, flags: TraceFlags, trace_text: str, span_text: str, *, is_current: bool) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.flags = flags
        self.trace_text = trace_text
        self.span_text = span_text
        self.is_current = is_current
        """Whether they are those of the current span."""

    @property
    def attributes(self) -> dict[str, str]:
        """What tells the exporter of ids that OpenTelemetry cannot hold."""
        found = {}
        if self.trace_text and not self.trace_id:
            found["census.trace_id"] = self.trace_text
        if self.span_text and not self.span_id:
            found["census.span_id"] = self.span_text
        return found


def _ids_of(record: Any, context: Any) -> _Ids:
    trace_text = log_records.own_id(getattr(record, "traceId", None))
    span_text = log_records.own_id(getattr(record, "spanId", None))
    span = _context.otel_span(context)
    current = None if span is None else span.get_span_context()
    if current is not None and current.is_valid and trace_text in (None, f"{current.trace_id:032x}"):
        own_span = None if span_text is None or trace_text is None else oc_to_otel.id_number(span_text, 16)
        span_id = own_span or current.span_id
        return _Ids(current.trace_id, span_id, current.trace_flags, f"{current.trace_id:032x}", f"{span_id:016x}", is_current=True)
    if trace_text is None:
        return _Ids(0, 0, TraceFlags(0), "", "", is_current=False)
    trace_id = oc_to_otel.id_number(trace_text, 32) or 0
    span_id = oc_to_otel.id_number(span_text, 16) or 0
    sampled = getattr(record, "traceSampled", True) is not False
    return _Ids(trace_id, span_id, TraceFlags(int(sampled)), trace_text, span_text or "", is_current=False)


def _correlated(record: Any, context: Any) -> _Ids:
    """Return a record's ids, and put them on it for what a program's formatter or conversion reads there."""
    ids = _ids_of(record, context)
    if ids.trace_text:
        # Not by attribute: a class of records may have properties of these names.
        record.__dict__["traceId"] = ids.trace_text
        if ids.span_text:
            record.__dict__["spanId"] = ids.span_text
    return ids


def _converted(handler: Any, record: Any) -> Any:
    """Return the envelope that the exporter makes of a record."""
    otel = handler._otel_record(record, _ids_of(record, _context.current()))
    [envelope] = handler._pipeline.convert(log_router().data_of(otel))
    if create_envelope is _CREATE:
        return envelope
    # A program has replaced the function that OpenCensus's conversions start with: tags, time and key are what that says.
    made = create_envelope(handler.options.instrumentation_key, record)
    made.name, made.data = envelope.name, envelope.data
    return made


def _level(option: Any, of_environment: str | None) -> int | None:
    value, source = (
        (option, f"option {_EXEMPT_OPTION}") if option is not None else (of_environment, f"environment variable {EXEMPT_VARIABLE}")
    )
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value.isdecimal():
            return int(value)
        known = logging.getLevelName(value.upper())
        if isinstance(known, int):
            return known
    raise ValueError(f"{source}: expected the name or the number of a level, such as ERROR or 40, got {value!r}.")


def _tree_of(name: Any) -> int:
    top = str(name).partition(".")[0]
    tree = _OURS if top in _OWN_TREES else _LIBRARY if top in _LIBRARY_TREES else _APPLICATION
    if len(_trees) >= _MOST_NAMES:
        _trees.clear()
    _trees[name] = tree
    return tree


def _is_suppressed() -> bool:
    """Return whether what runs is somebody's exporter: instrumentations are asked to look away."""
    return any(key.startswith(_SUPPRESSED) and value for key, value in _context.get_current().items())


def _is_plain(record: Any) -> bool:
    """Return whether a record makes its message as the standard library's do."""
    return getattr(type(record), "getMessage", None) is logging.LogRecord.getMessage


def _message(record: Any) -> str:
    try:
        return str(record.getMessage())
    except _exporter.failure() as error:  # Arguments that do not fit, or an object without a text
        report("a log message could not be formatted (%s): it is sent as it is, with its arguments beside it", type(error).__name__)
        return " ".join(log_records.text(part) for part in (record.msg, record.args))


def _as_it_is(record: Any, form: str, arguments: Any) -> Any:
    """Return what may change of a record's message, as it is now.

    Args:
        record: The record.
        form: Its message without the arguments.
        arguments: Its arguments, of which one at least is not of an immutable type.
    Returns: A copy of a dict that is the only argument, if nothing in it can change; else the text. Nothing else is copied: the copy of a
        set may have another order.
    """
    if type(arguments) is dict:
        values = arguments.copy()
        for key in values:
            if type(key) not in _IMMUTABLE or type(values[key]) not in _IMMUTABLE:
                break
        else:
            return values
    try:
        return form % arguments
    except _exporter.failure():  # Arguments that do not fit, or an object without a text
        return _message(record)


def _copied(taken: Any, fields: dict[str, Any], changing: Any) -> Any:
    """Return a copy of a record: other handlers, on other threads, note on the record itself what they made of it.

    Args:
        taken: The record.
        fields: What is on it, where no slot of its class holds it. A property of the class stands above them, as on the record.
        changing: What could have changed since it was logged, as it was: its message, or its only argument, a dict or the items of a list.
    """
    message = changing if type(changing) is str else None
    kind: Any = type(taken)
    try:
        if message is not None:
            kind = _class_with_message(kind)
        found = kind.__new__(kind)
        found.__dict__.update(fields)
        if type(taken) is not _PLAIN:
            _taken.copy_slots(taken, found)
        if message is not None:
            found._census_said = (message, fields["msg"], fields["args"])
    except (AttributeError, TypeError):
        found = logging.makeLogRecord(fields)
        if message is not None:
            found.msg, found.args = message, ()
    if type(changing) is tuple:
        found.args = ([*changing],)
    elif type(changing) is dict:
        found.args = changing
    return found


@functools.lru_cache(maxsize=128)
def _class_with_message(kind: Any) -> Any:
    """Return a class of records whose message is the text that it was when it was logged.

    `msg` and `args` stay for formatters and conversions that read them; where one puts others there, the message is what they make.
    What is remembered for that is in a slot: formatters show what they find in a record's `__dict__`.
    """

    def get_message(self: Any) -> Any:
        said, msg, args = getattr(self, "_census_said", (None, None, None))
        return said if said is not None and self.msg is msg and self.args is args else kind.getMessage(self)

    fields = {"__slots__": ("_census_said",), "getMessage": get_message, "__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), fields)


def _body(handler: logging.Handler, record: Any) -> Any:
    known = _taken.formatted_before(record)
    if known is not None:
        return known
    before = record.__dict__.copy()
    try:
        return handler.format(record)
    except _exporter.failure() as error:  # A program's formatter may raise anything
        report("a log record could not be formatted (%s): its message is sent", type(error).__name__)
        # Of the record as it was: who knows how far the formatter came.
        record.__dict__.clear()
        record.__dict__.update(before)
        return _message(record)


def _holds_logging_lock() -> bool:
    """Return whether this thread holds the lock of the logging module, which others need in order to make loggers or look up levels."""
    is_owned = getattr(getattr(logging, "_lock", None), "_is_owned", None)
    return bool(is_owned()) if callable(is_owned) else False


# The steps of an export that programs replace, as they are here. Compared one by one: this is asked for every record.
_OF_LOGS, _OF_EVENTS = AzureLogHandler.log_record_to_envelope, AzureEventHandler.log_record_to_envelope
_CREATE = create_envelope
_QUEUE, _WORKER = Queue, Worker
_OwnFilter, _SAMPLE = SamplingFilter, SamplingFilter.filter
_STEPS_OF_BATCHES = Steps(AzureLogHandler, *_BATCH_STEPS)
