"""What becomes of each form of use: rule -> function.

A function gets a use and its file and returns its edits; `Ask`, where a person must decide; `Keep`, where it stays; None, where the
function of another use sees to it (by `File.render`). An exact or shape rule without a function is listed as one for a person's hands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus_compat.rewrite.rules import absent, packages
from opencensus_compat.rewrite.rules.exporters import legacy, makers
from opencensus_compat.rewrite.rules.frameworks import django, functions, integrations, interceptors, left_out, middlewares, settings
from opencensus_compat.rewrite.rules.logs import dictionaries, handler_classes, handlers
from opencensus_compat.rewrite.rules.metrics import annotated, exporters, gauges, prometheus, readings, recording, tags, views
from opencensus_compat.rewrite.rules.traces import (
    attributes,
    by_hand,
    consoles,
    contexts,
    entered,
    ids_and_times,
    samplers,
    span_attributes,
    span_names,
    spans,
    tracers,
)

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import Rewriter

REWRITERS: dict[str, Rewriter] = {
    **tracers.REWRITERS,
    **span_names.REWRITERS,
    **span_attributes.REWRITERS,
    **spans.REWRITERS,
    **ids_and_times.REWRITERS,
    **entered.REWRITERS,
    **by_hand.REWRITERS,
    **consoles.REWRITERS,
    **legacy.REWRITERS,
    **makers.REWRITERS,
    **samplers.REWRITERS,
    **contexts.REWRITERS,
    **left_out.REWRITERS,
    **attributes.REWRITERS,
    **integrations.REWRITERS,
    **middlewares.REWRITERS,
    **functions.REWRITERS,
    **interceptors.REWRITERS,
    **settings.REWRITERS,
    **django.REWRITERS,
    **packages.REWRITERS,
    **dictionaries.REWRITERS,
    **handlers.REWRITERS,
    **handler_classes.REWRITERS,
    **annotated.beside({**exporters.REWRITERS, **views.REWRITERS, **recording.REWRITERS, **tags.REWRITERS}),
    **readings.REWRITERS,
    **prometheus.REWRITERS,
    **gauges.REWRITERS,
    **absent.REWRITERS,
}

FREE = frozenset(
    {*tracers.FREE, *spans.FREE, *contexts.FREE, *integrations.FREE, *settings.FREE, *packages.FREE, *dictionaries.FREE, *handlers.FREE}
)
"""Rules whose counterparts do not need the object that they are called on: such uses change alone."""
