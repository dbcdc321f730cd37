"""What has been added up for a view."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opencensus_compat.common import utils
from opencensus_compat.metrics import _cardinality, _lock
from opencensus_compat.stats.aggregation_data import DistributionAggregationData, _copied

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Protocol

    from opencensus_compat.metrics._cardinality import TagValues
    from opencensus_compat.stats.view import View
    from opencensus_compat.tags.tag_map import TagMap
    from opencensus_compat.tags.tag_value import TagValue

    # For the type checker only: making a Protocol takes as long as importing a small module.
    class _Owner(Protocol):
        """What views are registered with, as far as it shows their measurements to others."""

        @property
        def _listeners(self) -> Sequence[object]:
            """The listeners."""

        def _measured(self, view_data: ViewData, tag_values: TagValues, value: float) -> None:
            """Show a measurement in a distribution to the listeners."""


_logger = logging.getLogger("opencensus.stats.view_data")


class ViewData:
    """What has been added up for a view, by tag values. Threads may record at the same time, and none is lost.

    Args:
        view: The view.
        start_time: Since when; a text as `to_iso_str` makes it, or a datetime.
        end_time: Until when.

    Raises:
        ValueError: The variable `OPENCENSUS_COMPAT_MAX_TAG_SETS` is no whole number above 0.

    Loses:
        Of measurements whose tag values are new when there are 2,000 sets (or as many as the variable says), the tag values: they are
        added up in one series with `otel.metric.overflow` for every tag. A warning says so once.
    """

    _owner: _Owner | None = None
    """What the view is registered with; not set in copies."""

    def __init__(self, view: View, start_time: datetime | str, end_time: datetime | str) -> None:
        self._view = view
        self._start_time = start_time
        self._end_time = end_time
        self._tag_value_aggregation_data_map: dict[TagValues, Any] = {}
        self._limit = _cardinality.limit()
        self._overflowed = 0
        """Measurements beyond the limit."""

    @property
    def view(self) -> View:
        """The view."""
        return self._view

    @property
    def start_time(self) -> datetime | str:
        """Since when."""
        return self._start_time

    @property
    def end_time(self) -> datetime | str:
        """Until when."""
        return self._end_time

    @property
    def tag_value_aggregation_data_map(self) -> dict[TagValues, Any]:
        """One of the classes of `aggregation_data` for each set of tag values."""
        return self._tag_value_aggregation_data_map

    def start(self) -> None:
        """Set the start to now."""
        self._start_time = utils.to_iso_str()

    def end(self) -> None:
        """Set the end to now."""
        self._end_time = utils.to_iso_str()

    def get_tag_values(self, tags: Mapping[Any, TagValue], columns: Sequence[str]) -> list[TagValue | None]:
        """Return the value of each column's tag, None for a tag that is not there."""
        return [tags.get(column) for column in columns]

    def record(
        self,
        context: TagMap | None,
        value: float,
        timestamp: datetime | str | None,
        attachments: Mapping[str, str] | None = None,
    ) -> None:
        """Add a measurement.

        Args:
            context: Its tags; those that are no columns of the view do not matter.
            value: What was measured.
            timestamp: When.
            attachments: What distributions keep with it as an exemplar.
        """
        tag_values = tuple(self.get_tag_values({} if context is None else context.map, self._view.columns))
        with _lock.recording:
            data = self._tag_value_aggregation_data_map.get(tag_values)
            if data is not None:
                data.add_sample(value, timestamp, attachments)
        if data is None:
            tag_values, data = self._record_first(tag_values, value, timestamp, attachments)
        owner = self._owner
        if owner is not None and owner._listeners and isinstance(data, DistributionAggregationData):
            owner._measured(self, tag_values, value)

    def _record_first(
        self, tag_values: TagValues, value: float, timestamp: datetime | str | None, attachments: Mapping[str, str] | None
    ) -> tuple[TagValues, Any]:
        """Add a measurement whose tag values had no series a moment ago, and return the series that took it."""
        with _lock.recording:
            series = self._tag_value_aggregation_data_map
            overflow = _cardinality.overflow(len(tag_values))
            beyond = tag_values not in series and len(series) - (overflow in series) >= self._limit
            if beyond:
                tag_values = overflow
                self._overflowed += 1
            said = self._overflowed > 1
            data = series.get(tag_values)
            if data is None:
                # A finalizer that runs in the midst of this may have added the series meanwhile.
                data = series.setdefault(tag_values, self._view.new_aggregation_data())
            data.add_sample(value, timestamp, attachments)
        if beyond and not said:  # outside the lock: a log handler may record
            _logger.warning(
                "The view %r has %d sets of tag values, as many as %s allows: measurements with others are added up under %r from now on",
                self._view.name, self._limit, _cardinality.LIMIT_VARIABLE, _cardinality.OVERFLOW,
            )  # fmt: skip
        return tag_values, data

    def _snapshot(self) -> dict[TagValues, Any]:
        """Return what has been added up at one moment, in copies."""
        with _lock.recording:
            return {tag_values: _copied(data) for tag_values, data in self._tag_value_aggregation_data_map.items()}
