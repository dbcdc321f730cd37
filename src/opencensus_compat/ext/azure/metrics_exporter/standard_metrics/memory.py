"""Memory of the machine that is free."""

from __future__ import annotations

from opencensus_compat.metrics.export.gauge import DerivedLongGauge


class AvailableMemoryMetric:
    """Memory that programs can have without swapping, bytes."""

    NAME = "\\Memory\\Available Bytes"

    @staticmethod
    def get_value() -> int:
        """Return it."""
        import psutil

        return int(psutil.virtual_memory().available)

    def __call__(self) -> DerivedLongGauge:
        """Return a gauge of it."""
        gauge = DerivedLongGauge(self.NAME, "Amount of available memory in bytes", "byte", [])
        gauge.create_default_time_series(self.get_value)
        return gauge
