"""What this process takes of the machine."""

from __future__ import annotations

import functools
import logging
import os
from typing import Any

from opencensus_compat.metrics.export.gauge import DerivedDoubleGauge, DerivedLongGauge

logger = logging.getLogger("opencensus.ext.azure.metrics_exporter.standard_metrics.process")


@functools.lru_cache(maxsize=1)
def _process(pid: int) -> Any:
    """Return psutil's view of this process, which remembers the last reading. A child made by fork has a view of its own."""
    import psutil

    return psutil.Process(pid)


class ProcessMemoryMetric:
    """Memory of this process that is not swapped out (resident set size), bytes."""

    NAME = "\\Process(??APP_WIN32_PROC??)\\Private Bytes"

    @staticmethod
    def get_value() -> int | None:
        """Return it; None, with a line in the log, when the machine does not say."""
        try:
            return int(_process(os.getpid()).memory_info().rss)
        except Exception:
            logger.exception("the memory of this process cannot be read")
            return None

    def __call__(self) -> DerivedLongGauge:
        """Return a gauge of it."""
        gauge = DerivedLongGauge(self.NAME, "Amount of memory process has used in bytes", "byte", [])
        gauge.create_default_time_series(self.get_value)
        return gauge


class ProcessCPUMetric:
    """Share of the time since the last reading that this process computed, of all processors together, percent, 0 to 100."""

    NAME = "\\Process(??APP_WIN32_PROC??)\\% Processor Time"

    @staticmethod
    def get_value() -> float | None:
        """Return it; None, with a line in the log, when the machine does not say."""
        try:
            import psutil

            # Several threads on several processors give more than 100 percent of one.
            return float(_process(os.getpid()).cpu_percent() / (psutil.cpu_count(logical=True) or 1))
        except Exception:
            logger.exception("the processor time of this process cannot be read")
            return None

    def __call__(self) -> DerivedDoubleGauge:
        """Return a gauge of it, and begin the time that its first reading covers."""
        gauge = DerivedDoubleGauge(self.NAME, "Process CPU usage as a percentage", "percentage", [])
        gauge.create_default_time_series(self.get_value)
        self.get_value()
        return gauge
