"""Views, what was measured, and who exports it. Only what is loaded is looked at."""

from __future__ import annotations

import gc
import sys
from typing import Any

from opencensus_compat.doctor.collect._named import class_name, module_of
from opencensus_compat.doctor.sections.wiring import Exporting, Measured, Metrics, View

__all__ = ["metrics_of_process"]

_STATS = "opencensus_compat.stats.stats"
_AZURE = "opencensus_compat.ext.azure.metrics_exporter"


def metrics_of_process(watched: Any) -> Metrics:
    """Return them.

    Args:
        watched: What was seen as the program ran; None where nothing was.
    """
    stats = sys.modules.get(_STATS)
    registry = None if stats is None else stats.stats.view_manager.measure_to_view_map
    exporters = [] if registry is None else list(registry.exporters)
    return Metrics(
        views=() if registry is None else tuple(map(_view, registry._view_datas())),
        measured=() if watched is None else tuple(_measured(key, fates, watched) for key, fates in list(watched.measured.items())),
        exporting=() if watched is None else tuple(_exporting(*key) for key in list(watched.exported)),
        registered=tuple(sorted({class_name(type(exporter)) for exporter in exporters})),
        unstarted=tuple(sorted({class_name(type(exporter)) for exporter in exporters if _waits(exporter, watched)})),
        unread_gauges=() if watched is None else _unread_gauges(watched),
    )


def _view(data: Any) -> View:
    series = list(data.tag_value_aggregation_data_map)
    columns = [str(column) for column in data.view.columns]
    untagged = [column for number, column in enumerate(columns) if series and all(values[number] is None for values in series)]
    return View(data.view.name, data.view.measure.name, tuple(columns), len(series), tuple(untagged))


def _measured(key: tuple[str, str], fates: Any, watched: Any) -> Measured:
    name, kind = key
    return Measured(
        name=name,
        kind=kind,
        recorded=fates["recorded"],
        unviewed=fates["unviewed"],
        other=fates["other"],
        negative=fates["negative"],
        place=watched.astray.get(key, ""),
    )


def _exporting(exporter: type, interval_s: float, producers: tuple[str, ...]) -> Exporting:
    is_azure = any(base.__module__ == _AZURE for base in exporter.__mro__)
    return Exporting(class_name(exporter), interval_s, has_views=_STATS in producers, at_end=is_azure)


def _waits(exporter: Any, watched: Any) -> bool:
    """Return whether a registered exporter exports only what a thread brings, and none was started for its class."""
    is_azure = any(module_of(base) == "opencensus.ext.azure.metrics_exporter" for base in type(exporter).__mro__)
    started = set() if watched is None else {kind for kind, _, _ in list(watched.exported)}
    return is_azure and type(exporter) not in started


def _unread_gauges(watched: Any) -> tuple[str, ...]:
    module = sys.modules.get("opencensus_compat.metrics.export.gauge")
    if module is None:
        return ()
    # Some producers, such as that of the standard metrics, have a registry of their own.
    read = {id(each) for producer in list(watched.producers) for each in (producer, getattr(producer, "registry", None))}
    registries = [each for each in gc.get_objects() if type(each) is module.Registry and id(each) not in read]
    return tuple(sorted(str(name) for registry in registries for name in registry.gauges))
