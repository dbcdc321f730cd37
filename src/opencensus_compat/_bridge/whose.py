"""Whose telemetry it is: the one rule for which items Application Insights gets through this package.

* What OpenCensus code makes goes where its exporter or handler says, in its shape, once. It outlives the application's providers.
* A *span* that OpenTelemetry code makes inside an OpenCensus span goes where that goes, so that the trace has no holes.
* All else that OpenTelemetry code makes (spans outside, log records, instruments) belongs to the application. It goes to Application
  Insights through this package only with a provider that this package made, with one of the application's that has no exporter at all,
  since it would go nowhere, or where the application chooses so: `configure(adopt_providers=True)`.
* What an exporter of the application's own sends to the same resource is left to that one.

The guide states the same: `migration_guide/mixed.md`, "Whose telemetry". `tests/mixed/test_whose_telemetry.py` has the table.
"""

from __future__ import annotations

import logging
import os
import weakref
from typing import TYPE_CHECKING

from opencensus_compat._bridge.others import report_duplicate
from opencensus_compat._bridge.process import LOGS, METRICS, SPANS, log_once, report
from opencensus_compat._bridge.settings import adopts_providers

if TYPE_CHECKING:
    from opencensus_compat._bridge.exporter import Settings
    from opencensus_compat._bridge.others import Others

__all__ = ["is_adopted", "is_made", "is_ours", "note_made"]

_logger = logging.getLogger("opencensus_compat")

_LEFT = {
    signal: f"OpenTelemetry {signal}: left to the application's provider. OPENCENSUS_COMPAT_ADOPT_PROVIDERS=1 sends them to Application "
    "Insights, too"
    for signal in (SPANS, LOGS, METRICS)
}
_ADOPTED = {
    signal: f"OpenTelemetry {signal}: the application's provider has no exporter, so they go to the Application Insights resource of the first "
    "OpenCensus exporter. OPENCENSUS_COMPAT_ADOPT_PROVIDERS=1 asks for that, 0 prevents it"
    for signal in (SPANS, LOGS, METRICS)
}


_made: weakref.WeakSet[object] = weakref.WeakSet()
"""The providers of all signals that this package has made; all others are the application's. A reset leaves them in place."""


def note_made(provider: object) -> None:
    """Note that this package made a provider."""
    _made.add(provider)


def is_made(provider: object) -> bool:
    """Return whether this package made a provider."""
    try:
        return provider in _made
    except TypeError:
        # One that cannot be hashed, or weakly referenced, is not ours.
        return False


def is_ours(others: Others, settings: Settings, signal: str, *, is_inside: bool) -> bool:
    """Return whether an item of OpenTelemetry code goes to a destination through this package.

    Args:
        others: Who else gets the items of its provider.
        settings: Of the destination.
        signal: Which telemetry.
        is_inside: Whether it was made inside an OpenCensus span that goes to that destination.
    """
    if others.keys() and report_duplicate(others, settings, signal):
        return False
    return (is_inside and signal == SPANS) or is_adopted(others, signal)


def is_adopted(others: Others, signal: str) -> bool:
    """Return whether this package sends what OpenTelemetry code makes with a provider, outside any OpenCensus span."""
    if others.are_of_ours:
        return True
    wish = adopts_providers()
    if wish is not None:
        return wish
    others.keys()
    seen, (of, found) = others.seen, others.adopted
    if of is not seen:
        # Other threads may add processors meanwhile: what is found counts for these.
        found = _is_for_us(signal, has_exporter=others.have_exporter())
        others.adopted = (seen, found)
    return found


def _is_for_us(signal: str, *, has_exporter: bool) -> bool:
    """Return whether a provider of the application's has no exporter, and log what becomes of its telemetry."""
    if has_exporter or os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip().lower() == "none":
        log_once(_logger.debug, _LEFT[signal])
        return False
    report(_ADOPTED[signal])
    return True
