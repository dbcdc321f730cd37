"""From a log record to its destination.

One `LogRouter` sits in the logger provider as a processor. It decides which destination a record is for and hands it to the log part of
that destination.
"""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from opencensus_compat import __version__
from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge import otel_private as _private
from opencensus_compat._bridge import others as _other_exporters
from opencensus_compat._bridge.pipeline.destination import Destination
from opencensus_compat._bridge.pipeline.ending import end_logs, flush, flush_at_shutdown, is_ending
from opencensus_compat._bridge.pipeline.hand_over import HANDED_OVER_FULL, PAUSE_S, HandOver, call_of
from opencensus_compat._bridge.pipeline.part import Batching, Part
from opencensus_compat._bridge.process import LOGS, SCOPE, report
from opencensus_compat._bridge.resource import resource_of_role
from opencensus_compat._bridge.running_spans import parent_handle
from opencensus_compat._bridge.settings import default_role
from opencensus_compat._bridge.whose import is_ours

if TYPE_CHECKING:
    import logging

    from opencensus_compat._bridge.exporter import LogData, LoggerProvider, LogRecord, Settings, WireItem
    from opencensus_compat._bridge.pipeline.part import Processor

__all__ = ["LogPart", "LogRouter"]

_sdk = _exporter.sdk_logs()

_SCOPE = InstrumentationScope(SCOPE, __version__)
_exporting, _OUR_EXPORT = _context.exporting.get, _context.Exporting.OURS

_FOR = "census_for"
"""Attribute of a facade record: the part it is for, and what makes its envelopes, None for the exporter."""
_OWN_LOGGERS = frozenset({"appinsights_exporter", "opencensus", "opencensus_compat"})
"""First parts of the names under which this package logs. A handler of OpenTelemetry's takes such records; none is sent to a resource."""
_Make: TypeAlias = "Callable[[], Sequence[WireItem]] | None"
"""Makes the envelopes of a record; None leaves that to the exporter."""
_Key = tuple[int, str]
"""When a record was made, nanoseconds since the epoch, and by the logger of which name."""
_NOWHERE: frozenset[str] = frozenset()
_MOST_SEEN = 10_000
"""Records of OpenTelemetry code that are remembered, until legacy handlers have had the same ones."""


if TYPE_CHECKING:

    class ConvertsRecords(Protocol):
        """A log handler, as the records of OpenTelemetry code inside its destination need it."""

        _telemetry_processors: list[Callable[[Any], Any]]

        def apply_telemetry_processors(self, envelopes: Sequence[Any]) -> Sequence[WireItem]:
            """Return the envelopes that no telemetry processor dropped."""

    class Made(Protocol):
        """What a handler makes of a record."""

        def to_envelopes(self) -> Sequence[WireItem]:
            """Return the envelopes."""


def _nowhere(made: object) -> None:
    """Stand for the entrance of a processor that is still to be made."""


class _Carrier:
    """Takes what a handler makes of a record through a processor of the SDK's, in the place of the record and of what holds it."""

    trace_id = span_id = 0
    attributes = context = limits = None
    instrumentation_scope = _SCOPE

    # Another one would make the SDK look for that of the process.
    resource = Resource.get_empty()

    def __init__(self, make: Callable[[], Sequence[WireItem]]) -> None:
        self.to_envelopes = make

    @property
    def log_record(self) -> _Carrier:
        """Return itself."""
        return self

    def __copy__(self) -> _Carrier:
        # The SDK copies a record to take its context away.
        return self


class LogPart(Part["LogData"]):
    """The log records and events of a destination.

    Args:
        settings: See `Part`.
        context_tags: See `Part`.
        batching: See `Part`.
        hand_over: The queue by which facade records come.
    """

    signal = LOGS
    exporter: _exporter.LogExporter
    results = (_sdk.LogRecordExportResult.SUCCESS, _sdk.LogRecordExportResult.FAILURE)

    def __init__(self, settings: Settings, context_tags: Mapping[str, object], batching: Batching, *, hand_over: HandOver) -> None:
        self._hand_over = hand_over
        super().__init__(settings, context_tags, batching)
        self._empty()

    def _empty(self) -> None:
        self._put = 0
        # Records that the hand-over's thread brings while the batch processor's queue is full: that would drop the oldest, and to wait
        # would hold up the records of other destinations.
        self._before: deque[LogData | Made] = deque()
        # Lets one thread move records on at a time.
        self._moving = threading.RLock()
        self._entrance: tuple[object, Callable[[Any], object]] = (None, _nowhere)
        """A processor, and what puts into its queue what handlers make."""

    def _new_exporter(self) -> _exporter.LogExporter:
        return _exporter.log_exporter(self.settings, self._context_tags)

    def _new_processor(self, export: object) -> Processor:
        processor: Processor = _sdk.BatchLogRecordProcessor(export, **self.batching.for_sdk())
        return processor

    def restart(self) -> None:
        """Begin with an empty queue in a child made by fork."""
        super().restart()
        self._empty()

    def on_emit(self, data: LogData | Made) -> None:
        """Queue a record, or what a handler makes of one."""
        if _exporting() is not _OUR_EXPORT:
            # Of OpenTelemetry code, on its own thread.
            self._queued(data)
            return
        with self._moving:
            if not self._before and self._put - self._queue.gone < self.batching.queue_capacity:
                self._queued(data)
            elif len(self._before) < self._hand_over.capacity:
                self._before.append(data)
                self._made_room()
            else:
                self.dropped_before(1)

    def _queued(self, data: LogData | Made) -> None:
        processor = self._processor
        if processor is None or self.is_shut_down:
            processor = self._started()
        self._put += 1
        if hasattr(data, "to_envelopes"):
            known, enter = self._entrance
            if known is not processor:
                enter = self._found_entrance(processor)
            enter(data)
        else:
            processor.on_emit(data)
        self._queue.entered()

    def _found_entrance(self, processor: Any) -> Callable[[Any], object]:
        found: Callable[[Any], object] | None = _private.entrance(processor)
        if found is None:
            found = lambda made: processor.on_emit(_Carrier(made.to_envelopes))  # noqa: E731 - it is short
        self._entrance = (processor, found)
        return found

    def _is_full(self) -> bool:
        return self._put - self._queue.gone >= self.batching.queue_capacity

    def _made_room(self) -> None:
        """Move records from before the queue into it, as far as there is room."""
        with self._moving:
            while self._before and not self._is_full():
                self._queued(self._before.popleft())

    def force_flush(self, timeout_millis: int) -> bool:
        """Export the records in the queue and before it; see `Part.force_flush`."""
        until_s = time.monotonic() + timeout_millis / 1000
        waited = bool(self._before)
        delivered = super().force_flush(timeout_millis)
        # Older releases of the SDK export what is in the queue when a flush begins, and not what comes into it meanwhile.
        while waited and (left_s := until_s - time.monotonic()) > 0:
            waited = bool(self._before)
            delivered = super().force_flush(int(left_s * 1000)) and delivered
        return delivered and not self._before

    def _stop(self) -> None:
        left = None
        while self._processor is not None and self._before and len(self._before) != left:
            left = len(self._before)
            self._processor.force_flush()
        super()._stop()
        if self._before:
            self._export.undelivered += 1
            self.dropped_before(len(self._before))
            self._before.clear()

    def dropped_before(self, records: int) -> None:
        """Count records for which the hand-over had no room."""
        self.exporter.counts.dropped(HANDED_OVER_FULL, records, signal=LOGS)

    def refused(self) -> None:
        """Count a record that came when the program had shut down logging."""
        self.exporter.counts.dropped(_exporter.reasons.AFTER_SHUTDOWN, signal=LOGS)

    def not_emitted(self, error: BaseException) -> None:
        """Count a record that could not be made an OpenTelemetry record, or that a processor of the provider refused."""
        # The error's text may quote the data, so the warning names only its type.
        self.exporter.counts.dropped(_exporter.reasons.LOG_NOT_CONVERTED, detail=type(error).__name__, signal=LOGS)


class LogRouter(_sdk.LogRecordProcessor):  # type: ignore[misc, name-defined] # the name stands for one class or another
    """Hands each log record of one provider to the destination it is for.

    A facade record goes where its handler sends. A record of OpenTelemetry code goes where the OpenCensus span around it goes; outside any,
    to the default destination, that of the first handler; both only if it is this package's to send: see `_bridge.whose`. What is logged
    while exporting goes to none: it would never end.

    What the standard library's logging hands both to OpenTelemetry and to a legacy handler of the same resource is sent once: by the
    application's own exporter to that resource, as OpenTelemetry's, and where there is none by the handler.

    Args:
        before: The router of another provider that facade records went to before.
        hand_over: The queue by which facade records come.
        default: Returns where records of OpenTelemetry code go that are outside any OpenCensus span, and the handler that this came with.
        current: Returns the router that facade records go through now.
    """

    def __init__(
        self,
        before: LogRouter | None,
        *,
        hand_over: HandOver,
        default: Callable[[], tuple[Destination | None, ConvertsRecords | None]],
        current: Callable[[], LogRouter],
    ) -> None:
        self._hand_over = hand_over
        self._default = default
        self._current = current
        self.is_stopped = False
        self.is_alone = False
        """Whether the provider has been shut down, so that facade records do not pass it."""
        self._logger: object = None
        self._others = _other_exporters.NO_OTHERS
        self._takes = False
        """Whether the logger takes records: that of a provider that is switched off has no resource."""
        self._audience: tuple[object, bool] = (None, True)
        """Processors of the provider, and whether others than routers are among them."""
        # What legacy handlers have to know is the same, whichever provider OpenTelemetry's handler has.
        self._seen: _Seen = _Seen() if before is None else before._seen
        self._deferred: dict[_Key, set[str]] = {} if before is None else before._deferred

    def enter(self, provider: LoggerProvider) -> None:
        """Become a processor of a provider."""
        provider.add_log_record_processor(self)

    def use(self, logger: object, others: _other_exporters.Others) -> None:
        """Put facade records through this logger from now on.

        Args:
            logger: Of the provider that this is on.
            others: Who else sends to Application Insights from that provider.
        """
        self._logger = logger
        self._takes = hasattr(logger, "resource")
        self._others = others
        self._audience = (None, True)

    def has_seen(self, record: logging.LogRecord, where: Destination) -> bool:
        """Return whether a record of the standard library's logging is sent to a destination as OpenTelemetry's, by others.

        Where this package has OpenTelemetry's version, too, that is left out from here on.
        """
        if self._deferred:
            handled = self._deferred.get(_key_of(record))
            if handled is not None:
                handled.add(where.settings.instrumentation_key)
        if not self._seen.are_any:
            return False
        _await_handlers(record.created)
        to = self._seen.get(_key_of(record))
        if where.settings.instrumentation_key not in to:
            return False
        report(
            "a handler of OpenTelemetry's and an AzureLogHandler of the same resource take the same log records: each is sent once, as OpenTelemetry's"
        )
        return True

    def send(self, record: LogRecord, part: LogPart, make: _Make) -> None:
        """Put a facade record through the provider.

        Args:
            record: The OpenTelemetry record.
            part: The part it is for.
            make: Returns its envelopes; None leaves that to the exporter.
        """
        setattr(record, _FOR, (part, make))
        if not part.is_direct:
            self._others.report_if_alone(self, LOGS)
        if self.is_alone:
            self.on_emit(self.data_of(record))
            return
        if not part.is_direct or not self._others.keys():
            _sdk.emit(self._logger, record, _SCOPE)
            return
        data = self.data_of(record)
        for processor in self._others.rest:
            _sdk.show(processor, data)

    def send_made(self, part: LogPart, made: Made) -> None:
        """Hand what a handler makes of a record to its part alone: nobody else reads the record, or another handler has shown it to them."""
        if self.is_stopped:
            part.refused()
        else:
            part.on_emit(made)

    def has_audience(self) -> bool:
        """Return whether processors of the application's may read the records that facade handlers put through the provider."""
        if self.is_alone:
            return False
        # Asked for each record: to look at each processor took 1 us.
        processors = self._others.processors()
        known = self._audience
        if known[0] is not processors or processors is None:
            known = self._audience = (processors, self._others.are_more_than(LogRouter))
        return known[1]

    def is_passed_by(self, part: LogPart) -> bool:
        """Return whether records for a part may go to it without the provider, because nobody else would get them there."""
        if not part.is_direct or self.is_alone:
            return part.is_direct
        # As `has_audience`, without the call where the processors are those of the last record.
        known = self._audience
        return self._takes and not (known[1] if known[0] is self._others.processors() else self.has_audience())

    def data_of(self, record: LogRecord) -> LogData:
        """Return a facade record as exporters get it."""
        data: LogData = _sdk.new_data(record, self._resource(), _SCOPE)
        return data

    def held(self, record: LogRecord) -> LogData:
        """Return a facade record as a conversion gets it that is called at once."""
        data: LogData = _sdk.held(record, self._resource(), _SCOPE)
        return data

    def _resource(self) -> Resource:
        return getattr(self._logger, "resource", None) or resource_of_role(default_role())

    def on_emit(self, log_record: LogData) -> None:
        """Hand a record on."""
        record = _sdk.record_of(log_record)
        known = getattr(record, _FOR, None)
        if self.is_stopped:
            # One that has been replaced is on the provider still, and sees what its successor sends.
            if known is not None and self._current() is self:
                known[0].refused()
            return
        if known is None:
            self._of_opentelemetry(log_record)
        elif known[0].is_direct:
            self._give(known[0], known[1], log_record)

    def _give(self, part: LogPart, make: _Make, log_record: LogData) -> None:
        if make is not None:
            # Other processors of the provider have the same record, and it is not theirs to send these.
            record = copy.copy(_sdk.record_of(log_record))
            record.to_envelopes = make
            log_record = _sdk.new_data(record, _sdk.resource_of(log_record), _sdk.scope_of(log_record))
        part.on_emit(log_record)

    def _of_opentelemetry(self, data: LogData) -> None:
        """Hand a record of OpenTelemetry code on, if it is this package's to send."""
        scope, record = _sdk.scope_of(data), _sdk.record_of(data)
        if _context.exporting.get() is _context.Exporting.OURS or (scope is not None and scope.name.partition(".")[0] in _OWN_LOGGERS):
            return
        around = _handles.pipeline_of(parent_handle(getattr(record, "context", None) or None))
        destination, handle = self._default() if around is None else (around.destination, None)
        to = {*self._others.keys()}
        if destination is not None and not destination.is_direct:
            # A legacy handler may get the same record, and would send it to the same processors.
            to.add(destination.settings.instrumentation_key)
        key = None if scope is None or record.timestamp is None else (record.timestamp, scope.name)
        if to and key is not None:
            self._seen.note(key, frozenset(to))
        if destination is None or not destination.is_direct or self.is_alone:
            return
        if not is_ours(self._others, destination.settings, LOGS, is_inside=around is not None):
            return
        part: LogPart = destination.part(LOGS)  # type: ignore[assignment]  # the part of that signal is one
        make = None
        if handle is not None and handle._telemetry_processors:
            make = lambda: handle.apply_telemetry_processors(part.convert(data))  # noqa: E731 - it is short
        if key is None or not destination.has_log_handlers:
            self._give(part, make, data)
            return
        # A legacy handler of the destination may get the same record, after OpenTelemetry's.
        handled = self._deferred.setdefault(key, set())
        if not self._hand_over.put(call_of(self._later, part, make, data, key, handled)):
            self._deferred.pop(key, None)
            self._give(part, make, data)

    def _later(self, part: LogPart, make: _Make, data: LogData, key: _Key, handled: set[str], *_: None) -> None:
        """Decide about a record after its legacy handlers had time to take it; the hand-over may call this before them."""
        _await_handlers(key[0] / 1e9)
        if not self._hand_over.put_again(call_of(self._decide, part, make, data, key, handled)):
            self._decide(part, make, data, key, handled)

    def _decide(self, part: LogPart, make: _Make, data: LogData, key: _Key, handled: set[str], *_: None) -> None:
        """Hand a record of OpenTelemetry code on unless a legacy handler of the destination has sent it."""
        self._deferred.pop(key, None)
        if part.settings.instrumentation_key not in handled and not self.is_stopped:
            self._give(part, make, data)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is queued, for every destination, and return whether all of it was delivered in time."""
        return self.is_stopped or flush(timeout_millis / 1000, LOGS)

    def stop(self) -> None:
        """Take no more records: a provider has no method to remove a processor, and one that stayed active would export each twice."""
        self.is_stopped = True

    def shutdown(self) -> None:
        """Export what is queued, since the provider is shut down. Facade records go on, without it, unless the process ends."""
        if self.is_stopped:
            return
        if is_ending():
            end_logs()
        elif not self.is_alone:
            flush_at_shutdown(LOGS)
            self.is_alone = True


class _Seen:
    """Where records of OpenTelemetry code are sent by others, as far as legacy handlers would send them, too: the latest ones."""

    def __init__(self) -> None:
        self._to: dict[_Key, frozenset[str]] = {}
        self.are_any = False
        """Whether there have been any."""
        # The order they came in. Several threads note and look: each step here is one of the interpreter's.
        self._order: deque[_Key] = deque()

    def note(self, key: _Key, to: frozenset[str]) -> None:
        """Remember the instrumentation keys that a record is sent to."""
        self._to[key] = to
        self.are_any = True
        self._order.append(key)
        if len(self._order) > _MOST_SEEN:
            self._to.pop(self._order.popleft(), None)

    def get(self, key: _Key) -> frozenset[str]:
        """Return the instrumentation keys that a record is sent to."""
        return self._to.get(key, _NOWHERE)


def _key_of(record: logging.LogRecord) -> _Key:
    """Return what a record of the standard library's and OpenTelemetry's version of it have in common."""
    return int(record.created * 1e9), record.name


def _await_handlers(created_s: float) -> None:
    """Wait until the thread that logs has called all handlers of a record that was made at a time, seconds since the epoch."""
    age_s = time.time() - created_s
    if 0 <= age_s < PAUSE_S:
        time.sleep(PAUSE_S - age_s)
