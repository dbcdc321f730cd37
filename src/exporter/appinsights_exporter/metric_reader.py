"""The SDK's periodic reader of instruments, for processes that fork."""

from __future__ import annotations

import inspect
import logging
import threading
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader

from .foreign import failure
from .forks import before_fork, restart_in_child

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from .metric_exporter import ApplicationInsightsMetricExporter

__all__ = ["ForkingReader"]

_TIMEOUT_MILLIS = 1_000
"""Of reading the instruments before a fork, which waits for it."""

_logger = logging.getLogger(__name__)


class ForkingReader(PeriodicExportingMetricReader):
    """Exports each value once: what was added before a fork is the parent's alone. A child exports also where the parent forked it while exporting.

    Args:
        exporter: Gets what is read.
        export_interval_millis: Milliseconds between exports; None reads ``OTEL_METRIC_EXPORT_INTERVAL``.
    """

    def __init__(self, exporter: ApplicationInsightsMetricExporter, export_interval_millis: float | None = None) -> None:
        self._sends_with = exporter
        self._held: list[MetricsData] = []
        """Read before forks, and sent with what is read next."""
        self._reading = threading.local()
        super().__init__(exporter, export_interval_millis=export_interval_millis)
        before_fork(self)
        restart_in_child(self)

    def prepare(self) -> None:
        """Read what the parent has added; without that, the child would have it, too."""
        if _is_reading():
            # A callback forks, and the SDK calls it under a lock.
            return
        self._reading.before_fork = True
        try:
            self.collect(timeout_millis=_TIMEOUT_MILLIS)
        except failure() as error:  # callbacks are the program's
            _logger.warning("Metrics could not be read before a fork, and may be exported by the child as well: %s", type(error).__name__)
        finally:
            self._reading.before_fork = False

    def restart(self) -> None:
        """Forget in a child what the parent will send."""
        self._held = []

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object) -> None:
        if getattr(self._reading, "before_fork", False):
            self._held.append(metrics_data)
            return
        held, self._held = self._held, []
        # Not under the SDK's lock: a child made by fork while something is being sent would wait for ever.
        for each in (*held, metrics_data):
            self._sends_with.export(each, timeout_millis=timeout_millis)


def _is_reading() -> bool:
    """Return whether this thread is reading instruments, for whichever reader."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code is MetricReader.collect.__code__:
            return True
        frame = frame.f_back
    return False
