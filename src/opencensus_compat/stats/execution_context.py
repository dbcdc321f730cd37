"""The map from measures to views that belongs to the current context: one for each thread that makes a recorder or a view manager.

As in OpenCensus: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/stats/execution_context.py#L17-L27
"""

from __future__ import annotations

from typing import Any

from opencensus_compat.common.runtime_context import RuntimeContext

_measure_to_view_map_slot = RuntimeContext.register_slot("measure_to_view_map", dict)


def get_measure_to_view_map() -> Any:
    """Return the current `MeasureToViewMap`; an empty dict where none was set."""
    return RuntimeContext.measure_to_view_map


def set_measure_to_view_map(measure_to_view_map: Any) -> None:
    """Set the `MeasureToViewMap` that recorders and view managers made after this in the same context use."""
    RuntimeContext.measure_to_view_map = measure_to_view_map


def clear() -> None:
    """Forget the current map; for tests."""
    _measure_to_view_map_slot.clear()
