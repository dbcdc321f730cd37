"""Where views and exporters are registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge.providers.viewers import show_with
from opencensus_compat.common import utils
from opencensus_compat.stats import execution_context
from opencensus_compat.stats.measure_to_view_map import MeasureToViewMap

if TYPE_CHECKING:
    from opencensus_compat._bridge.providers.instruments import Instruments
    from opencensus_compat.stats._instruments import ViewInstruments
    from opencensus_compat.stats.view import View
    from opencensus_compat.stats.view_data import ViewData


class ViewManager:
    """Registers views and exporters of the context that it was made in."""

    def __init__(self) -> None:
        self.time = utils.to_iso_str()
        if execution_context.get_measure_to_view_map() == {}:
            execution_context.set_measure_to_view_map(MeasureToViewMap())
        self._measure_view_map: MeasureToViewMap = execution_context.get_measure_to_view_map()

    @property
    def measure_to_view_map(self) -> MeasureToViewMap:
        """Which views show which measures."""
        return self._measure_view_map

    def register_view(self, view: View) -> None:
        """Let a view add up what is recorded of its measure; its time series start when this manager was made."""
        # Imported where it is needed: it loads the OpenTelemetry API.
        from opencensus_compat._bridge.providers.metrics import look_for_meter_provider, watch_meter_providers

        # There may be a meter provider, or one may be set later; its readers see views as instruments.
        look_for_meter_provider()
        watch_meter_providers()
        self.measure_to_view_map.register_view(view=view, timestamp=self.time)

    def get_view(self, view_name: str) -> ViewData | None:
        """Return what a view has added up until now, in a copy; None when there is no such view."""
        return self.measure_to_view_map.get_view(view_name=view_name, timestamp=self.time)

    def get_all_exported_views(self) -> set[View] | None:
        """Return the empty set, or None once a view was registered.

        As in OpenCensus: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/stats/measure_to_view_map.py#L88
        """
        return self.measure_to_view_map.exported_views

    def register_exporter(self, exporter: Any) -> None:
        """Call an exporter with views that are registered after this, and with view data after each measurement."""
        self.measure_to_view_map.exporters.append(exporter)

    def unregister_exporter(self, exporter: Any) -> None:
        """Call an exporter no more.

        Raises:
            ValueError: It is not registered.
        """
        self.measure_to_view_map.exporters.remove(exporter)


_of_process: ViewManager | None = None
"""That of `opencensus.stats.stats`, whose views OpenTelemetry's readers see; None before that is imported."""


def _view_instruments(instruments: Instruments) -> ViewInstruments:
    from opencensus_compat.stats._instruments import ViewInstruments

    # Where a program has never imported `stats`, its views are those of its context.
    return ViewInstruments(instruments, (_of_process or ViewManager()).measure_to_view_map)


show_with("views", _view_instruments)
