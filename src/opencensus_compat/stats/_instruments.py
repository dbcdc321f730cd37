"""Views as OpenTelemetry instruments, for readers that are not ours.

Each view becomes one instrument: counts and sums observable counters, last values observable gauges, distributions histograms with the
view's boundaries. A tag without a value is no attribute.

Loses: what a distribution had added up before a meter provider was there, since a histogram takes measurements one by one. A value on a
    boundary counts in the bucket below it, not above: that is how OpenTelemetry's are.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

from opencensus_compat.metrics._instruments import attributes
from opencensus_compat.metrics._lock import recording
from opencensus_compat.metrics.export.metric_descriptor import _DISTRIBUTIONS, _is_gauge
from opencensus_compat.stats.aggregation_data import CountAggregationData, LastValueAggregationData, SumAggregationData

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram

    from opencensus_compat._bridge.providers.instruments import Instruments
    from opencensus_compat.metrics._cardinality import TagValues
    from opencensus_compat.stats.measure_to_view_map import MeasureToViewMap
    from opencensus_compat.stats.view_data import ViewData

__all__ = ["ViewInstruments"]

_VALUES: dict[type, Callable[[Any], float]] = {
    CountAggregationData: lambda data: data.count_data,
    SumAggregationData: lambda data: data.sum_data,
    LastValueAggregationData: lambda data: data.value,
}


class ViewInstruments:
    """The instruments of views. A listener of `stats._feed`.

    Args:
        instruments: Those of the meter provider.
        views: Where the views are registered.
    """

    def __init__(self, instruments: Instruments, views: MeasureToViewMap) -> None:
        self._instruments = instruments
        self._registered = views
        self._views: weakref.WeakKeyDictionary[ViewData, _Distribution | None] = weakref.WeakKeyDictionary()

    def open(self) -> None:
        """Make the instruments of the views that there are, and of those that are registered from now on."""
        self._registered._listen(self)

    def close(self) -> None:
        """Make no more, and record nothing more."""
        self._registered._unlisten(self)

    def view_registered(self, view_data: ViewData) -> None:
        """Make a view's instrument."""
        self._instruments.make(lambda: self._of_view(view_data))

    def measured(self, view_data: ViewData, tag_values: TagValues, value: float) -> None:
        """Record a measurement of a distribution."""
        instrument = self._views.get(view_data)
        if instrument is None:
            self._instruments.make(lambda: self._of_view(view_data))
            instrument = self._views.get(view_data)
        if instrument is not None:
            instrument.record(tag_values, value)

    def _of_view(self, view_data: ViewData) -> None:
        if view_data not in self._views:
            self._views[view_data] = self._new(view_data)

    def _new(self, view_data: ViewData) -> _Distribution | None:
        view = view_data.view
        descriptor = view.get_metric_descriptor()
        described = (descriptor.name, descriptor.unit, descriptor.description)
        columns = [str(column) for column in view.columns]
        if descriptor.type in _DISTRIBUTIONS:
            bounds = [float(bound) for bound in view.new_aggregation_data().bounds]
            return _Distribution(self._instruments.histogram(*described, bounds), columns)
        reference = weakref.ref(view_data)

        def read() -> list[Observation]:
            alive = reference()
            if alive is None:
                return []
            with recording:
                series = [
                    (tag_values, _VALUES[type(data)](data))
                    for tag_values, data in alive.tag_value_aggregation_data_map.items()
                    if type(data) in _VALUES
                ]
            return [Observation(value, attributes(columns, tag_values)) for tag_values, value in series]

        self._instruments.observe(*described, read, is_gauge=_is_gauge(descriptor.type))
        return None


class _Distribution:
    """The histogram of a view, and the attributes of its series, which are as many as the view has."""

    __slots__ = ("_attributes", "_columns", "_histogram")

    def __init__(self, histogram: Histogram, columns: Sequence[str]) -> None:
        self._histogram = histogram
        self._columns = columns
        self._attributes: dict[TagValues, dict[str, bool | int | float | str]] = {}

    def record(self, tag_values: TagValues, value: float) -> None:
        of_series = self._attributes.get(tag_values)
        if of_series is None:
            of_series = self._attributes[tag_values] = attributes(self._columns, tag_values)
        self._histogram.record(value, of_series)
