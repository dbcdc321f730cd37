"""What views have added up as metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from opencensus_compat.metrics import _lock
from opencensus_compat.metrics.export import metric, time_series
from opencensus_compat.metrics.export.metric_descriptor import _is_gauge
from opencensus_compat.metrics.label_value import LabelValue

if TYPE_CHECKING:
    from datetime import datetime

    from opencensus_compat.stats.view_data import ViewData
    from opencensus_compat.tags.tag_value import TagValue


def is_gauge(md_type: int) -> bool:
    """Return whether a kind of metric has the values of one moment.

    Raises:
        ValueError: There is no such kind of metric.
    """
    return _is_gauge(md_type)


def get_label_values(tag_values: Iterable[TagValue | None]) -> list[LabelValue]:
    """Return tag values as label values; None becomes a label value without a value."""
    return [LabelValue(tag_value) for tag_value in tag_values]


def view_data_to_metric(
    view_data: ViewData, timestamp: datetime, known_labels: dict[TagValue | None, LabelValue] | None = None
) -> metric.Metric | None:
    """Return what a view has added up as a metric, None when nothing was recorded.

    Args:
        view_data: That of the view.
        timestamp: Time of the points, UTC without a zone.
        known_labels: The label values of the views that were read before, which this one adds to: the same few tag values occur in many
            series, and to make an object for each occurrence was a tenth of what reading takes.
    """
    labels = {} if known_labels is None else known_labels
    with _lock.recording:
        added_up = list(view_data.tag_value_aggregation_data_map.items())
    if not added_up:
        return None
    descriptor = view_data.view.get_metric_descriptor()
    start = None if is_gauge(descriptor.type) else view_data.start_time
    series = []
    for tag_values, data in added_up:
        with _lock.recording:  # for each anew: a recording thread waits for one series, not for all
            point = data.to_point(timestamp)
        label_values = [labels.get(tag_value) or labels.setdefault(tag_value, LabelValue(tag_value)) for tag_value in tag_values]
        series.append(time_series.TimeSeries(label_values, [point], start))
    return metric.Metric(descriptor, series)
