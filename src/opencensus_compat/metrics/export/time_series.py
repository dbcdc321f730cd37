"""The points of a metric that have the same label values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from opencensus_compat.metrics.export.point import Point
    from opencensus_compat.metrics.label_value import LabelValue


class TimeSeries:
    """The points of a metric that have the same label values.

    Args:
        label_values: One for each of the metric's label keys, in their order.
        points: At least one.
        start_timestamp: When adding up began, for cumulative metrics.

    Raises:
        ValueError: There are no points, or label_values is None.
    """

    def __init__(self, label_values: Sequence[LabelValue | None], points: Sequence[Point], start_timestamp: datetime | str | None) -> None:
        if label_values is None:
            raise ValueError("label_values must not be None: expected a sequence of LabelValue")
        if not points:
            raise ValueError(f"points must not be null or empty, got {points!r}")
        self._label_values = label_values
        self._points = points
        self._start_timestamp = start_timestamp

    def __repr__(self) -> str:
        points = ", ".join([repr(point.value) for point in self.points])
        # A gauge's default series has None in the place of label values.
        values = tuple([None if label_value is None else label_value.value for label_value in self.label_values])
        return f"{type(self).__name__}([{points}], label_values={values}, start_timestamp={self.start_timestamp})"

    @property
    def start_timestamp(self) -> datetime | str | None:
        """When adding up began, for cumulative metrics."""
        return self._start_timestamp

    @property
    def label_values(self) -> Sequence[LabelValue | None]:
        """One for each of the metric's label keys, in their order."""
        return self._label_values

    @property
    def points(self) -> Sequence[Point]:
        """The points, at least one."""
        return self._points

    def check_points_type(self, type_class: type[Any]) -> bool:
        """Return whether all values are of a class; a missing value is of every class."""
        for point in self._points:
            value = point._value
            if value is not None and not isinstance(value, type_class):
                return False
        return True
