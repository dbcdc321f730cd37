"""The recorder and the view manager of the process."""

from __future__ import annotations

import itertools
import weakref
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
    from typing import Protocol

    from opencensus_compat.metrics.export.metric import Metric

    # For the type checker only: making a Protocol takes as long as importing a small module.
    class _Reader(Protocol):
        """Reads instruments of OpenTelemetry's."""

        def get_metrics(self, timestamp: datetime) -> Iterator[Metric]:
            """Return what they have by now."""


class _Stats(MetricProducer, WithoutInstruments):
    """A recorder and a view manager that belong together, and what the views have added up."""

    def __init__(self) -> None:
        self.stats_recorder = StatsRecorder()
        self.view_manager = ViewManager()
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        """Those of OpenTelemetry's instruments that exporters which read this are to have."""

    def get_metrics(self) -> Iterator[Metric]:
        """Return a metric for each view that something was recorded for, as of now, and those of `LegacyStatsReader`."""
        return itertools.chain(self._of_views(), *(reader.get_metrics(_now()) for reader in list(self._readers)))

    def _of_views(self) -> Iterator[Metric]:
        """Return those of views alone."""
        return self.view_manager.measure_to_view_map.get_metrics(_now())


def _now() -> datetime:
    # OpenCensus's times are UTC without a zone.
    return datetime.now(timezone.utc).replace(tzinfo=None)


stats = _Stats()
"""The one that exporters read."""
view_manager._of_process = stats.view_manager
on_reset(stats.view_manager.measure_to_view_map._forget)
