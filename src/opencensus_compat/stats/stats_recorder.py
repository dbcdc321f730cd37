"""Where measurements are made."""

from __future__ import annotations

from opencensus_compat.stats import execution_context
from opencensus_compat.stats.measure_to_view_map import MeasureToViewMap
from opencensus_compat.stats.measurement_map import MeasurementMap


class StatsRecorder:
    """Makes measurements for the views of the context that it was made in."""

    def __init__(self) -> None:
        if execution_context.get_measure_to_view_map() == {}:
            execution_context.set_measure_to_view_map(MeasureToViewMap())
        self.measure_to_view_map: MeasureToViewMap = execution_context.get_measure_to_view_map()

    def new_measurement_map(self) -> MeasurementMap:
        """Return an empty map of measurements, to be filled and recorded."""
        return MeasurementMap(self.measure_to_view_map)
