"""One measured value."""

from __future__ import annotations

from opencensus_compat.stats.measure import BaseMeasure


class Measurement:
    """One measured value.

    Args:
        measure: What was measured.
        value: The value, in the measure's unit.
    """

    def __init__(self, measure: BaseMeasure, value: float) -> None:
        self._measure = measure
        self._value = value

    @property
    def value(self) -> float:
        """The value, in the measure's unit."""
        return self._value

    @property
    def measure(self) -> BaseMeasure:
        """What was measured."""
        return self._measure


class MeasurementInt(Measurement):
    """One measured whole number."""

    def __init__(self, measure: BaseMeasure, value: int) -> None:
        super().__init__(measure, value)


class MeasurementFloat(Measurement):
    """One measured number with a fraction."""

    def __init__(self, measure: BaseMeasure, value: float) -> None:
        super().__init__(measure, value)
