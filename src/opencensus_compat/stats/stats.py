"""The recorder and the view manager of the process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from opencensus_compat._bridge.handles import WithoutInstruments
from opencensus_compat._bridge.process import on_reset
from opencensus_compat.metrics.export.metric_producer import MetricProducer
from opencensus_compat.stats import view_manager
from opencensus_compat.stats.stats_recorder import StatsRecorder
from opencensus_compat.stats.view_manager import ViewManager

if TYPE_CHECKING:
    from opencensus_compat.metrics.export.metric import Metric


class _Stats(MetricProducer, WithoutInstruments):
    """A recorder and a view manager that belong together, and what the views have added up."""

    def __init__(self) -> None:
        self.stats_recorder = StatsRecorder()
        self.view_manager = ViewManager()

    def get_metrics(self) -> Iterator[Metric]:
        """Return a metric for each view that something was recorded for, as of now."""
        # OpenCensus's times are UTC without a zone.
        return self.view_manager.measure_to_view_map.get_metrics(datetime.now(timezone.utc).replace(tzinfo=None))


stats = _Stats()
"""The one that exporters read."""
view_manager._of_process = stats.view_manager
on_reset(stats.view_manager.measure_to_view_map._forget)
