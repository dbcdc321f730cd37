"""Log records that wait for an export, where a program's own code has a say in their envelopes."""

from __future__ import annotations

import logging
from types import GeneratorType
from typing import TYPE_CHECKING, Any, TypeAlias

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat.ext.azure.common.transport import collected, each_made

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.taken import Item
    from opencensus_compat.ext.azure.log_exporter._formatting import Formatted

__all__ = ["SEVERAL", "Piece", "Waiting"]

SEVERAL = (list, tuple, GeneratorType)
"""Types in which a conversion returns several envelopes, though one is expected."""
Piece: TypeAlias = "tuple[logging.LogRecord, Item | None, Formatted | None]"
"""A record, the item that it becomes where other handlers may send that, too, and its text where it was formatted already."""

_Envelope = _exporter.Envelope
_PLAIN = logging.LogRecord
_new_object = object.__new__


class Waiting(dict[str, Any], _exporter.Joinable):
    """The fields of a record whose handler has a telemetry processor, or converts records itself.

    One object for each record, and no other: eight thousand wait in the queue, and the garbage collector looks at each. With a record, its
    dict and an object for the queue that was a tenth of what a record costs. The record is made when it is exported.
    """

    __slots__ = ("_handler", "_item", "_record", "_sample_rate")

    def wait(self, handler: Any, record: logging.LogRecord | None, item: Item | None, sample_rate_percent: float | None) -> None:
        """Set what is not a field of the record; then it may be queued.

        Args:
            handler: The handler.
            record: The record, where it has another class, or another message, than its fields make; else None.
            item: What it becomes, where other handlers may send that, too; else None.
            sample_rate_percent: For an envelope that has no `sampleRate`.
        """
        self._handler = handler
        self._record = record
        self._item = item
        self._sample_rate = sample_rate_percent
        _exporter.Joinable.exist = True

    def resample(self, sample_rate_percent: float | None) -> None:
        """Set another sample rate, None for all."""
        self._sample_rate = sample_rate_percent

    def record(self) -> logging.LogRecord:
        """Return the record, as it was logged."""
        if self._record is None:
            # The record's own, which takes two thirds of the time less than to fill that of a new one.
            self._record = _new_object(_PLAIN)
            self._record.__dict__ = self.copy()
        return self._record

    def join(self, groups: dict[object, Any]) -> _exporter.Prepared | Waiting | None:
        """Join the records of the same handler, if a step of the export was replaced that takes all of a batch; see `Joinable.join`."""
        handler = self._handler
        key = ("takes batches", id(handler))
        takes_batches = groups.get(key)
        if takes_batches is None:
            takes_batches = groups[key] = handler._takes_batches()
        if not takes_batches:
            return self
        return _exporter.Prepared(handler._envelopes, None, self._sample_rate, [(self.record(), self._item, None)]).join(groups)

    def to_envelopes(self) -> list[Any]:
        """Return the envelopes that the program's code leaves: those that `BaseLogHandler._export` would send, without the calls of its steps."""
        item = self._item
        if item is not None and item.is_sent:
            return []
        handler = self._handler
        with collected() as envelopes:
            made = handler.log_record_to_envelope(self.record())
            envelopes.extend(handler.apply_telemetry_processors((made,) if type(made) is _Envelope else each_made(made, SEVERAL)))
        if item is not None:
            item.is_sent = bool(envelopes)
        return envelopes if self._sample_rate is None else _exporter.sampled(envelopes, self._sample_rate)
