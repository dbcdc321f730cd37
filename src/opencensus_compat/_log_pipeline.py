"""From a log record to its destination: the parts of the wiring that need the OpenTelemetry SDK's logs.

One `LogRouter` sits in the logger provider as a processor. It decides which destination a record is for and hands it to the log part of
that destination.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from opencensus_compat import __version__, _context, _exporter, _wiring
from opencensus_compat._destination import Part, resource_of_role
from opencensus_compat._handover import HANDED_OVER_FULL
from opencensus_compat._wiring import LOGS

__all__ = ["LogPart", "LogRouter", "new_provider"]

_sdk = _exporter.sdk_logs()

_SCOPE = InstrumentationScope(_wiring.SCOPE, __version__)

_FOR = "census_for"
"""Attribute of a facade record: the part it is for, and what makes its envelopes, None for the exporter."""


class LogPart(Part):
    """The log records and events of a destination."""

    signal = LOGS
    results = (_sdk.LogRecordExportResult.SUCCESS, _sdk.LogRecordExportResult.FAILURE)

    _put = 0

    def _new_exporter(self) -> Any:
        return _exporter.log_exporter(self.settings, self._context_tags)

    def _new_processor(self, export: Any) -> Any:
        batching = self.batching
        return _sdk.BatchLogRecordProcessor(
            export,
            max_queue_size=batching.queue_capacity,
            schedule_delay_millis=batching.export_interval_s * 1000,
            max_export_batch_size=min(batching.max_batch_size, batching.queue_capacity),
        )

    def convert(self, data: Any) -> list[Any]:
        """Return a record's envelopes as the exporter would send them, in the form that telemetry processors take."""
        return [_exporter.from_wire(envelope) for envelope in self.exporter.envelopes(data)]

    def restart(self) -> None:
        """Begin with an empty queue in a child made by fork."""
        super().restart()
        self._put = 0

    def on_emit(self, data: Any) -> None:
        """Queue a record, or what stands for one."""
        processor = self._started()
        if _context.exporting.get() and self._put - self._queue.gone >= self.batching.queue_capacity:
            # The hand-over's thread can wait, and what comes meanwhile waits there; a full batch processor would drop the oldest.
            processor.force_flush()
        self._put += 1
        processor.on_emit(data)
        self._queue.entered()

    def dropped_before(self, records: int) -> None:
        """Count records for which the hand-over had no room."""
        self.exporter.counts.dropped(HANDED_OVER_FULL, records, signal=LOGS)


class LogRouter(_sdk.LogRecordProcessor):  # type: ignore[misc, name-defined]
    """Hands each log record to the destination it is for.

    A facade record goes where its handler sends. A record of OpenTelemetry code goes where the OpenCensus span around it goes; outside any,
    to the default destination, that of the first handler. What is logged while exporting goes to none: it would never end.
    """

    def __init__(self) -> None:
        self._is_stopped = False
        self._logger: Any = None

    def use(self, logger: Any) -> None:
        """Put facade records through this logger from now on."""
        self._logger = logger

    def send(self, record: Any, part: LogPart, make: Callable[[], Sequence[Any]] | None) -> None:
        """Put a facade record through the provider.

        Args:
            record: The OpenTelemetry record.
            part: The part it is for.
            make: Returns its envelopes; None leaves that to the exporter.
        """
        setattr(record, _FOR, (part, make))
        _sdk.emit(self._logger, record)

    def data_of(self, record: Any) -> Any:
        """Return a facade record as exporters get it."""
        resource = getattr(self._logger, "resource", None)
        return _sdk.new_data(record, resource or resource_of_role(_wiring.default_role()), _SCOPE)

    def on_emit(self, log_record: Any) -> None:
        """Hand a record on."""
        if self._is_stopped:
            return
        record = _sdk.record_of(log_record)
        part, make = getattr(record, _FOR, None) or self._of_opentelemetry(log_record)
        if part is None:
            return
        if make is not None:
            # Other processors of the provider have the same record, and it is not theirs to send these.
            record = copy.copy(record)
            record.to_envelopes = make
            log_record = _sdk.new_data(record, _sdk.resource_of(log_record), _sdk.scope_of(log_record))
        part.on_emit(log_record)

    def _of_opentelemetry(self, data: Any) -> tuple[LogPart | None, Callable[[], Sequence[Any]] | None]:
        if _context.exporting.get():
            return None, None
        around = getattr(_wiring.parent_handle(None), "_pipeline", None)
        destination, handle = _wiring.default_logs() if around is None else (around.destination, None)
        part = None if destination is None else destination.part(LOGS)
        if part is None or handle is None or not handle._telemetry_processors:
            return part, None
        return part, lambda: handle.apply_telemetry_processors(part.convert(data))

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
    return _sdk.new_provider(resource_of_role(role))
