"""Which views show which measures; the exporters and listeners of what they add up."""

from __future__ import annotations

import copy
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opencensus_compat.metrics import _lock
from opencensus_compat.stats import metric_utils
from opencensus_compat.stats.view_data import ViewData

if TYPE_CHECKING:
    from datetime import datetime

    from opencensus_compat.metrics._cardinality import TagValues
    from opencensus_compat.metrics.export.metric import Metric
    from opencensus_compat.metrics.label_value import LabelValue
    from opencensus_compat.stats._feed import Listener
    from opencensus_compat.stats.measure import BaseMeasure
    from opencensus_compat.stats.view import View
    from opencensus_compat.tags.tag_map import TagMap
    from opencensus_compat.tags.tag_value import TagValue

logger = logging.getLogger("opencensus.stats.measure_to_view_map")


class MeasureToViewMap:
    """Which views show which measures. Threads may register and record at the same time.

    What goes wrong while recording (a view whose aggregation refuses its measure, an exporter that raises) costs that view or exporter
    the measurement, is counted, and is logged once for each; OpenCensus raised it into the application.
    """

    def __init__(self) -> None:
        # Ray has a record() of its own that reads the first and the third of these, under OpenCensus's names.
        self._measure_to_view_data_list_map: defaultdict[str, list[ViewData]] = defaultdict(list)
        self._registered_views: dict[str, View] = {}
        self._registered_measures: dict[str, BaseMeasure] = {}
        self._exported_views: set[View] | None = set()
        self._exporters: list[Any] = []
        self._listeners: tuple[Listener, ...] = ()
        """Replaced as a whole under the recording lock, so that it can be read without."""
        self._failures: Counter[str] = Counter()
        """What failed -> how often."""

    def _forget(self) -> None:
        """Know of no view and of no exporter."""
        with _lock.recording:
            for known in (self._measure_to_view_data_list_map, self._registered_views, self._registered_measures, self._failures):
                known.clear()
            self._exported_views = set()
            self._exporters.clear()

    @property
    def exported_views(self) -> set[View] | None:
        """The empty set; None once a view was registered.

        As in OpenCensus, which never filled it:
        https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/stats/measure_to_view_map.py#L88
        """
        return self._exported_views

    @property
    def exporters(self) -> list[Any]:
        """The registered exporters, in a list that may be changed."""
        return self._exporters

    def get_view(self, view_name: str, timestamp: datetime | str | None) -> ViewData | None:
        """Return what a view has added up until now, in a copy; None when there is no such view.

        Args:
            view_name: Its name. Of two views with this name and one measure, the older one is found.
            timestamp: Not read, as in OpenCensus.
        """
        view = self._registered_views.get(view_name)
        if view is None:
            return None
        for view_data in self._measure_to_view_data_list_map.get(view.measure.name, ()):
            if view_data.view.name == view_name:
                return self.copy_and_finalize_view_data(view_data)
        return None

    def filter_exported_views(self, all_views: Iterable[View]) -> set[View]:
        """Return the views as a set."""
        return set(all_views)

    def register_view(self, view: View, timestamp: datetime | str) -> None:
        """Let a view add up what is recorded of its measure from now on. A view that is registered already is left alone.

        A different view of the same name is added beside the first, with a warning. So is a view of a different measure with the same name;
        that measure's values are not recorded. As in OpenCensus:
        https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/stats/measure_to_view_map.py#L89-L108

        Args:
            view: The view.
            timestamp: Start of its time series.

        Raises:
            ValueError: The environment's limit of tag sets is no number.
        """
        for exporter in tuple(self._exporters):
            on_register_view = getattr(exporter, "on_register_view", None)
            if on_register_view is None:
                continue
            try:
                on_register_view(view)
            except AttributeError as error:  # which OpenCensus, too, kept from the application, and no other
                self._failed(f"the stats exporter {type(exporter).__name__} failed", error)
        self._exported_views = None
        measure = view.measure
        with _lock.recording:
            same_name = self._registered_views.get(view.name)
            if same_name is not None and same_name == view:
                return
            view_data = ViewData(view=view, start_time=timestamp, end_time=timestamp)
            registered_measure = self._registered_measures.setdefault(measure.name, measure)
            view_data._owner = self
            self._registered_views[view.name] = view
            self._measure_to_view_data_list_map[measure.name].append(view_data)
            listeners = self._listeners
        if same_name is not None:
            logger.warning("A different view with the name %r is registered already", view.name)
        if registered_measure != measure:
            logger.warning("A different measure with the name %r is registered already", measure.name)
        for listener in listeners:
            self._show(listener, view_data)

    def record(
        self,
        tags: TagMap | None,
        measurement_map: Mapping[BaseMeasure, float],
        timestamp: datetime | str | None,
        attachments: Mapping[str, str] | None = None,
    ) -> None:
        """Add measurements to the views of their measures, and call the exporters.

        Args:
            tags: The tags of all of them.
            measurement_map: Measure to value. A measure that no view shows is passed over. (OpenCensus stopped there, and lost the
                next ones: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/stats/measure_to_view_map.py#L115)
            timestamp: When they were made.
            attachments: What distributions keep with them as exemplars.

        Raises:
            AssertionError: A value is below 0. (OpenCensus asserts it; `MeasurementMap.record` does not let it come to that.)
        """
        for value in measurement_map.values():
            if not value >= 0:  # not a number is neither
                raise AssertionError(f"expected values of at least 0, got {value!r}")
        for measure, value in measurement_map.items():
            if measure != self._registered_measures.get(measure.name):
                continue
            view_datas = self._measure_to_view_data_list_map.get(measure.name, ())
            for view_data in view_datas:
                try:
                    view_data.record(context=tags, value=value, timestamp=timestamp, attachments=attachments)
                except Exception as error:  # noqa: BLE001 -- what is measured is no reason for the application to fail
                    self._failed(f"the view {view_data.view.name!r} cannot take a measurement", error)
            if self._exporters:
                self.export(view_datas)

    def export(self, view_datas: Iterable[ViewData]) -> None:
        """Hand copies of what these views have added up to every exporter that has a method `export`."""
        takers = [(exporter, export) for exporter in tuple(self._exporters) if (export := getattr(exporter, "export", None)) is not None]
        if not takers:
            return
        copies = [self.copy_and_finalize_view_data(view_data) for view_data in view_datas]
        for exporter, export in takers:
            try:
                export(copies)
            except Exception as error:  # noqa: BLE001 -- one exporter's trouble is not the application's, nor another exporter's
                self._failed(f"the stats exporter {type(exporter).__name__} failed", error)

    def get_metrics(self, timestamp: datetime) -> Iterator[Metric]:
        """Yield a metric for each view that something was recorded for.

        Args:
            timestamp: Time of the points, UTC without a zone.
        """
        known_labels: dict[TagValue | None, LabelValue] = {}
        for view_data in self._view_datas():
            try:
                metric = metric_utils.view_data_to_metric(view_data, timestamp, known_labels)
            except Exception as error:  # noqa: BLE001 -- one bad view does not sink the others
                self._failed(f"the view {view_data.view.name!r} cannot be made into a metric", error)
                continue
            if metric is not None:
                yield metric

    def copy_and_finalize_view_data(self, view_data: ViewData) -> ViewData:
        """Return a copy of what a view has added up, which ends now and changes no more."""
        copied = copy.copy(view_data)
        copied._tag_value_aggregation_data_map = view_data._snapshot()
        copied._owner = None
        copied.end()
        return copied

    def _listen(self, listener: Listener) -> None:
        """Call a listener with all views, and with measurements in distributions, from now on."""
        with _lock.recording:
            self._listeners += (listener,)
            known = self._view_datas()
        for view_data in known:
            self._show(listener, view_data)

    def _unlisten(self, listener: Listener) -> None:
        """Call a listener no more."""
        with _lock.recording:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

    def _show(self, listener: Listener, view_data: ViewData) -> None:
        try:
            listener.view_registered(view_data)
        except Exception as error:  # noqa: BLE001 -- the view adds up all the same
            self._failed(f"the view {view_data.view.name!r} cannot be mirrored", error)

    def _measured(self, view_data: ViewData, tag_values: TagValues, value: float) -> None:
        for listener in self._listeners:
            try:
                listener.measured(view_data, tag_values, value)
            except Exception as error:  # noqa: BLE001 -- the view has added it up all the same
                self._failed(f"the view {view_data.view.name!r} cannot be mirrored", error)

    def _view_datas(self) -> Sequence[ViewData]:
        with _lock.recording:
            return [view_data for view_datas in self._measure_to_view_data_list_map.values() for view_data in view_datas]

    def _failed(self, what: str, error: Exception) -> None:
        with _lock.recording:
            self._failures[what] += 1
            first = self._failures[what] == 1
        if first:  # outside the lock: a log handler may record
            logger.error("Telemetry was lost: %s (said once)", what, exc_info=error)
