"""A recorder and a view manager that nobody has used."""

from __future__ import annotations

from datetime import datetime

import pytest

from opencensus_compat.stats import aggregation, execution_context
from opencensus_compat.stats.measure import MeasureFloat, MeasureInt
from opencensus_compat.stats.stats_recorder import StatsRecorder
from opencensus_compat.stats.view import View
from opencensus_compat.stats.view_manager import ViewManager
from opencensus_compat.tags.tag import Tag
from opencensus_compat.tags.tag_map import TagMap

NOW = datetime(2024, 9, 30, 9, 0, 0, 5)  # noqa: DTZ001 -- OpenCensus's times have no zone


class Census:
    """A recorder, its view manager, and two measures."""

    def __init__(self):
        self.recorder, self.manager = StatsRecorder(), ViewManager()
        self.map = self.manager.measure_to_view_map
        self.whole = MeasureInt("whole", "whole numbers", "1")
        self.broken = MeasureFloat("broken", "numbers with a fraction", "ms")

    def view(self, name, measure, how, columns=("route",)):
        """Register a view and return its name."""
        self.manager.register_view(View(name, f"shows {name}", columns, measure, how))
        return name

    def count(self, name="count", **options):
        """Register a view that counts the whole numbers."""
        return self.view(name, self.whole, aggregation.CountAggregation(), **options)

    def spread(self, name="spread", **options):
        """Register a view with the distribution of the broken ones."""
        return self.view(name, self.broken, aggregation.DistributionAggregation([1, 2, 5]), **options)

    def record(self, measure, value, **tags):
        """Record one measurement."""
        measurements = self.recorder.new_measurement_map()
        measurements.measure_float_put(measure, value)
        measurements.record(TagMap([Tag(key, text) for key, text in tags.items()]))

    def series(self, name):
        """Return what a view has added up, as the data class by the tuple of tag values."""
        return self.manager.get_view(name).tag_value_aggregation_data_map

    def counts(self, name="count"):
        """Return tag values -> count."""
        return {tag_values: data.count_data for tag_values, data in self.series(name).items()}

    def points(self):
        """Return the text of each point, by metric and label values."""
        return {
            (metric.descriptor.name, *[label.value for label in series.label_values]): [repr(point) for point in series.points]
            for metric in self.map.get_metrics(NOW)
            for series in metric.time_series
        }


@pytest.fixture
def census():
    """A recorder and a view manager of their own."""
    execution_context.clear()
    yield Census()
    execution_context.clear()
