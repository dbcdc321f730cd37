"""What every stats exporter answers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opencensus_compat.stats.view import View
    from opencensus_compat.stats.view_data import ViewData


class StatsExporter:
    """Base class of exporters that get views as they are registered and view data after each measurement; a subclass overrides both methods.

    It also has to define ``export(view_datas)``, which is called after each measurement and usually hands what it gets to a transport;
    the transport calls `emit`. As in OpenCensus the base class does not have it, and an exporter without it is passed over.
    """

    def on_register_view(self, view: View) -> Any:
        """Learn that a view is being registered."""
        raise NotImplementedError

    def emit(self, view_datas: Sequence[ViewData]) -> Any:
        """Send what views have added up to where it goes."""
        raise NotImplementedError
