"""Memory of the machine that is free."""

from __future__ import annotations

import sys
from typing import Any

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.metrics.export.gauge import DerivedLongGauge

__getattr__ = patch_targets(__name__, "psutil")


class AvailableMemoryMetric:
    """Memory that programs can have without swapping, bytes."""

    NAME = "\\Memory\\Available Bytes"

    @staticmethod
    def get_value() -> int:
        """Return it."""
        psutil: Any = sys.modules[__name__].psutil
        return int(psutil.virtual_memory().available)

    def __call__(self) -> DerivedLongGauge:
        """Return a gauge of it."""
        gauge = DerivedLongGauge(self.NAME, "Amount of available memory in bytes", "byte", [])
        gauge.create_default_time_series(self.get_value)
        return gauge
