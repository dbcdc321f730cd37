"""What the tests of the Azure exporters share."""

from __future__ import annotations

import pytest

from opencensus_compat.stats.measure import MeasureFloat, MeasureInt
from opencensus_compat.stats.measure_to_view_map import MeasureToViewMap
from opencensus_compat.stats.stats import stats
from opencensus_compat.stats.view import View
from opencensus_compat.tags.tag import Tag
from opencensus_compat.tags.tag_map import TagMap


class Measuring:
    """The recorder and view manager that exporters ask, without a view of an earlier test, and two measures."""

    def __init__(self):
        self.manager, self.recorder = stats.view_manager, stats.stats_recorder
        self.whole = MeasureInt("whole", "whole numbers", "1")
        self.broken = MeasureFloat("broken", "numbers with a fraction", "ms")

    def view(self, name, how, measure=None, columns=("route",)):
        """Register a view, of the whole numbers unless another measure is given."""
        self.manager.register_view(View(name, f"shows {name}", list(columns), measure or self.whole, how))

    def record(self, value, measure=None, **tags):
        """Record one measurement."""
        measurements = self.recorder.new_measurement_map()
        measurements.measure_float_put(measure or self.whole, value)
        measurements.record(TagMap([Tag(key, text) for key, text in tags.items()]))


@pytest.fixture
def measuring(monkeypatch):
    """The process's recorder and view manager, as if nobody had used them."""
    fresh = MeasureToViewMap()
    monkeypatch.setattr(stats.view_manager, "_measure_view_map", fresh)
    monkeypatch.setattr(stats.stats_recorder, "measure_to_view_map", fresh)
    return Measuring()
