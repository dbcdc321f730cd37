"""From a log record to its destination: the parts of the wiring that need the OpenTelemetry SDK's logs.

One `LogRouter` sits in the logger provider as a processor. It decides which destination a record is for and hands it to the log part of
that destination.
"""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from opencensus_compat import __version__, _context, _exporter, _frameworks, _handles, _other_exporters, _wiring
from opencensus_compat._destination import Batching, Destination, Part, resource_of_role
from opencensus_compat._handover import HANDED_OVER_FULL, PAUSE_S
from opencensus_compat._wiring import LOGS

__all__ = ["LogPart", "LogRouter", "new_provider"]

_sdk = _exporter.sdk_logs()

_SCOPE = InstrumentationScope(_wiring.SCOPE, __version__)

_FOR = "census_for"
"""Attribute of a facade record: the part it is for, and what makes its envelopes, None for the exporter."""
AFTER_SHUTDOWN = "offered after shutdown"
"""Reason for which records are counted as lost that are logged when the program has shut down logging; the exporter's word for it."""
NOT_EMITTED = "a log record could not be converted"
"""Reason for which records are counted as lost that raise on their way to the exporter."""
_OWN_LOGGERS = frozenset({"appinsights_exporter", "opencensus", "opencensus_compat"})
"""First parts of the names under which this package logs. A handler of OpenTelemetry's takes such records; none is sent to a resource."""
_MOST_SEEN = 10_000
"""Records of OpenTelemetry code that are remembered, until legacy handlers have been asked for the same ones."""


class LogPart(Part):
    """The log records and events of a destination."""

    signal = LOGS
    results = (_sdk.LogRecordExportResult.SUCCESS, _sdk.LogRecordExportResult.FAILURE)

    def __init__(self, settings: Any, context_tags: Mapping[str, Any], batching: Batching) -> None:
        super().__init__(settings, context_tags, batching)
        self._empty()

    def _empty(self) -> None:
        self._put = 0
        # What the hand-over's thread brings while the batch processor's queue is full: that would drop the oldest, and to wait would
        # hold up the records of other destinations.
        self._before: deque[Any] = deque()
        # Lets one thread move records on at a time.
        self._moving = threading.RLock()

    def _new_exporter(self) -> Any:
        return _exporter.log_exporter(self.settings, self._context_tags)

    def _new_processor(self, export: Any) -> Any:
        return _sdk.BatchLogRecordProcessor(export, **self.batching.for_sdk())

    def restart(self) -> None:
        """Begin with an empty queue in a child made by fork."""
        super().restart()
        self._empty()

    def on_emit(self, data: Any) -> None:
        """Queue a record, or what stands for one."""
        if not _context.exporting.get():
            # Of OpenTelemetry code, on its own thread.
            self._queued(data)
            return
        with self._moving:
            if not self._before and not self._is_full():
                self._queued(data)
            elif len(self._before) < _wiring.hand_over().capacity:
                self._before.append(data)
                self._made_room()
            else:
                self.dropped_before(1)

    def _queued(self, data: Any) -> None:
        processor = self._started()
        self._put += 1
        processor.on_emit(data)
        self._queue.entered()

    def _is_full(self) -> bool:
        return self._put - self._queue.gone >= self.batching.queue_capacity

    def _made_room(self) -> None:
        """Move what waits before the queue into it, as far as there is room."""
        with self._moving:
            while self._before and not self._is_full():
                self._queued(self._before.popleft())

    def force_flush(self, timeout_millis: int) -> bool:
        """Export what waits in the queue and before it; see `Part.force_flush`."""
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
        self.exporter.counts.dropped(AFTER_SHUTDOWN, signal=LOGS)

    def not_emitted(self, error: BaseException) -> None:
        """Count a record that could not be made an OpenTelemetry record, or that a processor of the provider refused."""
        # The error's text may quote the data, so the warning names only its type.
        self.exporter.counts.dropped(NOT_EMITTED, detail=type(error).__name__, signal=LOGS)


class LogRouter(_sdk.LogRecordProcessor):  # type: ignore[misc, name-defined]
    """Hands each log record to the destination it is for.

    A facade record goes where its handler sends. A record of OpenTelemetry code goes where the OpenCensus span around it goes; outside any,
    to the default destination, that of the first handler. What is logged while exporting goes to none: it would never end.

    Where the application has put exporters to Application Insights on the provider itself, records of OpenTelemetry code are left to them,
    except to other resources than theirs that the OpenCensus span around sends to. What the standard library's logging hands both to
    OpenTelemetry and to a legacy handler of the same resource is sent as OpenTelemetry's.
    """

    def __init__(self) -> None:
        self._is_stopped = False
        self._logger: Any = None
        self._others = _other_exporters.NOBODY
        self._seen: dict[tuple[int, str], frozenset[str]] = {}

    def use(self, logger: Any, others: _other_exporters.Others) -> None:
        """Put facade records through this logger from now on.

        Args:
            logger: Of the provider that this is on.
            others: Who else sends to Application Insights from that provider.
        """
        self._logger = logger
        self._others = others

    def revived(self) -> LogRouter:
        """Return a router in place of this one if this one has stopped."""
        return LogRouter() if self._is_stopped else self

    def has_seen(self, record: Any, where: Destination) -> bool:
        """Return whether a record of the standard library's logging was sent to a destination as OpenTelemetry's, too."""
        if not self._seen:
            return False
        # OpenTelemetry's handler may come after this package's, on the thread that logs.
        age_s = time.time() - record.created
        if 0 <= age_s < PAUSE_S:
            time.sleep(PAUSE_S - age_s)
        to = self._seen.get((int(record.created * 1e9), record.name), ())
        if where.settings.instrumentation_key not in to:
            return False
        _wiring.report(
            "log records meet a handler of OpenTelemetry's and an AzureLogHandler of the same resource: each is sent once, as OpenTelemetry's"
        )
        return True

    def send(self, record: Any, part: LogPart, make: Callable[[], Sequence[Any]] | None) -> None:
        """Put a facade record through the provider.

        Args:
            record: The OpenTelemetry record.
            part: The part it is for.
            make: Returns its envelopes; None leaves that to the exporter.
        """
        setattr(record, _FOR, (part, make))
        if not part.is_direct:
            self._others.expect_more_than(self, LOGS)
        if not part.is_direct or not self._others.keys():
            _sdk.emit(self._logger, record, _SCOPE)
            return
        data = self.data_of(record)
        for processor in self._others.rest:
            _sdk.show(processor, data)

    def send_again(self, record: Any, part: LogPart, make: Callable[[], Sequence[Any]]) -> None:
        """Hand a facade record to its part alone: another handler has put it through the provider.

        Args:
            record: The OpenTelemetry record.
            part: The part it is for.
            make: Returns its envelopes.
        """
        if self._is_stopped:
            part.refused()
            return
        record.to_envelopes = make
        part.on_emit(self.data_of(record))

    def has_audience(self) -> bool:
        """Return whether processors of the application's may read the records that facade handlers put through the provider."""
        return self._others.are_more_than(LogRouter)

    def data_of(self, record: Any) -> Any:
        """Return a facade record as exporters get it."""
        resource = getattr(self._logger, "resource", None)
        return _sdk.new_data(record, resource or resource_of_role(_wiring.default_role()), _SCOPE)

    def on_emit(self, log_record: Any) -> None:
        """Hand a record on."""
        record = _sdk.record_of(log_record)
        known = getattr(record, _FOR, None)
        if self._is_stopped:
            # One that has been replaced is on the provider still, and sees what its successor sends.
            if known is not None and _wiring.log_router() is self:
                known[0].refused()
            return
        part, make = known or self._of_opentelemetry(log_record)
        if part is None or not part.is_direct:
            return
        if make is not None:
            # Other processors of the provider have the same record, and it is not theirs to send these.
            record = copy.copy(record)
            record.to_envelopes = make
            log_record = _sdk.new_data(record, _sdk.resource_of(log_record), _sdk.scope_of(log_record))
        part.on_emit(log_record)

    def _of_opentelemetry(self, data: Any) -> tuple[LogPart | None, Callable[[], Sequence[Any]] | None]:
        scope = _sdk.scope_of(data)
        if _context.exporting.get() or (scope is not None and scope.name.partition(".")[0] in _OWN_LOGGERS):
            return None, None
        around = _handles.pipeline_of(_wiring.parent_handle(None))
        destination, handle = _wiring.default_logs() if around is None else (around.destination, None)
        if destination is not None and not destination.is_direct:
            # A legacy handler may get the same record, and would send it to the same processors.
            self._note(data, destination.settings.instrumentation_key)
            return None, None
        is_left = destination is not None and _wiring.is_left_to(self._others, destination.settings, LOGS, is_inherited=around is not None)
        self._note(data, None if is_left or destination is None else destination.settings.instrumentation_key)
        part = None if destination is None or is_left else destination.part(LOGS)
        if part is None or handle is None or not handle._telemetry_processors:
            return part, None
        return part, lambda: handle.apply_telemetry_processors(part.convert(data))

    def _note(self, data: Any, key: str | None) -> None:
        """Remember where a record of OpenTelemetry code is sent, as far as legacy handlers would send it, too."""
        scope, record = _sdk.scope_of(data), _sdk.record_of(data)
        to = {*self._others.keys(), key} if key else {*self._others.keys()}
        if scope is None or record.timestamp is None or not to:
            return
        if len(self._seen) >= _MOST_SEEN:
            self._seen.pop(next(iter(self._seen)), None)
        self._seen[record.timestamp, scope.name] = frozenset(to)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what waits, for every destination, and return whether all of it was delivered in time."""
        return self._is_stopped or _wiring.flush(timeout_millis / 1000, LOGS)

    def stop(self) -> None:
        """Take no more records: a provider cannot be asked to drop a processor, and one that stayed active would export each twice."""
        self._is_stopped = True

    def shutdown(self) -> None:
        """Export what waits and stop; see `_wiring.end_logs`."""
        if not self._is_stopped:
            _wiring.end_logs()


def new_provider(role: str) -> Any:
    """Return a provider for programs that have none."""
    provider = _sdk.new_provider(resource_of_role(role))
    every = provider.get_logger

    def get_logger(name: str, *args: Any, **options: Any) -> Any:
        return _frameworks.SilentLogger() if _frameworks.leave_out(name) else every(name, *args, **options)

    provider.get_logger = get_logger
    return provider
