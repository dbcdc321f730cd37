"""A value at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from opencensus_compat.metrics.export.value import ValueDistribution, ValueDouble, ValueLong, ValueSummary

    Value = ValueDouble | ValueLong | ValueDistribution | ValueSummary


class Point:
    """A value at a moment.

    Args:
        value: One of the classes of `value`; None where there is no value any more, as for a derived gauge whose function is gone.
        timestamp: When it was read, UTC without a zone.
    """

    def __init__(self, value: Value | None, timestamp: datetime) -> None:
        self._value = value
        self._timestamp = timestamp

    @property
    def value(self) -> Any:
        """One of the classes of `value`; None where there is no value any more."""
        return self._value

    @property
    def timestamp(self) -> datetime:
        """When it was read, UTC without a zone."""
        return self._timestamp

    def __repr__(self) -> str:
        return f"{type(self).__name__}(value={self.value}, timestamp={self.timestamp})"
