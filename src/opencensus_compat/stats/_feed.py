"""Listeners of views, and of measurements that cannot be read off what a view has added up.

What is counted, summed or a last value can be read at any time (`ViewData._snapshot`). A distribution cannot be handed to an instrument
after the fact: it takes measurements one by one. `MeasureToViewMap._listen` registers a listener; while there is none, a measurement
costs one look at an empty tuple.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opencensus_compat.metrics._cardinality import TagValues
    from opencensus_compat.stats.view_data import ViewData


class Listener(Protocol):
    """Mirrors views. What its methods raise is logged once, and does not reach the application."""

    def view_registered(self, view_data: ViewData) -> None:
        """Mirror a view. Called once for each view: those registered already, then each as it is registered.

        Its view data may hold measurements already, and the first calls of `measured` may come before this one.
        """
        ...

    def measured(self, view_data: ViewData, tag_values: TagValues, value: float) -> None:
        """Mirror a measurement in a view with a distribution. Called on the thread that recorded it.

        Args:
            view_data: That of the view.
            tag_values: The series it was added to, one value for each column; see `_cardinality.is_overflow`.
            value: What was measured.
        """
        ...
