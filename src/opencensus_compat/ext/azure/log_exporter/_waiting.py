"""Log records that wait for an export, where a program's own code has a say in their envelopes."""

from __future__ import annotations

import logging
from types import GeneratorType
from typing import TYPE_CHECKING, Any, TypeAlias

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat.ext.azure.common.transport import _collector, each_made

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


class Waiting(_exporter.Joinable):
    """A record whose handler has a telemetry processor, or converts records itself: its fields, of which the record is made when it is exported.

    Eight thousand wait in the queue, and the garbage collector looks at each object: with a record, and a closure for the export, that
    was a tenth of what a record costs.

    Args:
        handler: The handler.
        fields: What the record's `__dict__` is to be; None with a record.
        record: The record, where it has another class, or another message, than its fields make; else None.
        item: What it becomes, where other handlers may send that, too; else None.
        sample_rate_percent: For an envelope that has no `sampleRate`.
    """

    __slots__ = ("_fields", "_handler", "_item", "_record", "_sample_rate")

    def __init__(
        self,
        handler: Any,
        fields: dict[str, Any] | None,
        record: logging.LogRecord | None,
        item: Item | None,
        sample_rate_percent: float | None,
    ) -> None:
        self._handler = handler
        self._fields = fields
        self._record = record
        self._item = item
        self._sample_rate = sample_rate_percent
        # To set it again would have the interpreter forget what it knows of the attributes of these classes.
        if not _exporter.Joinable.exist:
            _exporter.Joinable.exist = True

    def resample(self, sample_rate_percent: float | None) -> None:
        """Set another sample rate, None for all."""
        self._sample_rate = sample_rate_percent

    def _taken(self) -> logging.LogRecord:
        """Return the record, as it was logged, and keep nothing of it: it is freed while the processor has it in its cache."""
        record, fields = self._record, self._fields
        self._record = self._fields = None
        if record is None:
            record = _new_object(_PLAIN)
            record.__dict__ = fields  # type: ignore[assignment]  # one of both is given
        return record

    def join(self, groups: dict[object, Any]) -> _exporter.Joinable | None:
        """Join the records of the same handler, if a step of the export was replaced that takes all of a batch; see `Joinable.join`."""
        handler = self._handler
        takes_batches = groups.get(id(handler))
        if takes_batches is None:
            takes_batches = groups[id(handler)] = handler._takes_batches()
        if not takes_batches:
            return self
        return _exporter.Prepared(handler._envelopes, None, self._sample_rate, [(self._taken(), self._item, None)]).join(groups)

    def to_envelopes(self) -> list[Any]:
        """Return the envelopes that the program's code leaves: those that `BaseLogHandler._export` would send, without the calls of its steps."""
        item = self._item
        if item is not None and item.is_sent:
            return []
        handler = self._handler
        envelopes: list[Any] = []
        # As `collected`, without the calls.
        outer, _collector.envelopes = _collector.envelopes, envelopes
        try:
            made = handler.log_record_to_envelope(self._taken())
            if type(made) is not _Envelope:
                envelopes += handler.apply_telemetry_processors(each_made(made, SEVERAL))
            elif handler._accepted(made):
                envelopes.append(made)
        finally:
            _collector.envelopes = outer
        if item is not None:
            item.is_sent = bool(envelopes)
        return envelopes if self._sample_rate is None else _exporter.sampled(envelopes, self._sample_rate)
