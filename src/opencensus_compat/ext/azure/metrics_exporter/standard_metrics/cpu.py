"""How busy the machine's processors are."""

from __future__ import annotations

import sys
from typing import Any

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.metrics.export.gauge import DerivedDoubleGauge

__getattr__ = patch_targets(__name__, "psutil")


class ProcessorTimeMetric:
    """Share of the time since the last reading in which the processors were not idle, percent, 0 to 100."""

    NAME = "\\Processor(_Total)\\% Processor Time"

    @staticmethod
    def get_value() -> float:
        """Return it."""
        psutil: Any = sys.modules[__name__].psutil
        return float(100 - psutil.cpu_times_percent().idle)

    def __call__(self) -> DerivedDoubleGauge:
        """Return a gauge of it, and begin the time that its first reading covers."""
        gauge = DerivedDoubleGauge(self.NAME, "Processor time as a percentage", "percentage", [])
        gauge.create_default_time_series(self.get_value)
        self.get_value()
        return gauge
