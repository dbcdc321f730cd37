"""Cumulatives: numbers that only go up, added to by the program or read from its functions, one for each set of label values."""

from __future__ import annotations

from opencensus_compat.metrics._lock import recording as _lock
from opencensus_compat.metrics.export import gauge, metric_descriptor


class CumulativePointLong(gauge.GaugePointLong):
    """A whole number of a `LongCumulative`."""

    def set(self, val: int) -> None:
        """Set the number, if that is more than it was.

        Raises:
            ValueError: It is no whole number.
        """
        if not isinstance(val, int):
            raise gauge._no_integer(self, val)
        # Compared first without the lock: most readings of a counter that stands still change nothing.
        if val > self.value:
            with _lock:
                self.value = max(self.value, val)

    def add(self, val: int) -> None:
        """Add to the number, if that is more than 0.

        Raises:
            ValueError: It is no whole number.
        """
        if not isinstance(val, int):
            raise gauge._no_integer(self, val)
        if val > 0:
            with _lock:
                self.value += val


class CumulativePointDouble(gauge.GaugePointDouble):
    """A number of a `DoubleCumulative`."""

    def set(self, val: float) -> None:
        """Set the number, if that is more than it was."""
        if val > self.value:
            with _lock:
                self.value = max(self.value, float(val))

    def add(self, val: float) -> None:
        """Add to the number, if that is more than 0."""
        if val > 0:
            with _lock:
                self.value += val


class LongCumulativeMixin:
    """Whole numbers."""

    descriptor_type = metric_descriptor.MetricDescriptorType.CUMULATIVE_INT64
    point_type = CumulativePointLong


class DoubleCumulativeMixin:
    """Numbers."""

    descriptor_type = metric_descriptor.MetricDescriptorType.CUMULATIVE_DOUBLE
    point_type = CumulativePointDouble


class LongCumulative(LongCumulativeMixin, gauge.Gauge):
    """Whole numbers that the program adds to."""


class DoubleCumulative(DoubleCumulativeMixin, gauge.Gauge):
    """Numbers that the program adds to."""


class DerivedLongCumulative(LongCumulativeMixin, gauge.DerivedGauge):
    """Whole numbers that functions of the program return; one that goes down is ignored."""


class DerivedDoubleCumulative(DoubleCumulativeMixin, gauge.DerivedGauge):
    """Numbers that functions of the program return; one that goes down is ignored."""
