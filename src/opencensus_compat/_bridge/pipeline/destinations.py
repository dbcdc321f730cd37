"""Which destinations there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.process import process, wired
from opencensus_compat._bridge.settings import check_environment, sends_directly

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.destination import Destination, Part

__all__ = ["destination", "parts"]


def destination(settings: Any, context_tags: Mapping[str, Any], signal: str, options: Any) -> Destination:
    """Return the destination of the given settings, the same one each time.

    Args:
        settings: The exporter's Settings.
        context_tags: The tags that facade telemetry carries, a mapping that the program may change at any time.
        signal: What the caller will use it for.
        options: Legacy options that the signal's batch processor is set from.
    """
    from opencensus_compat._bridge.pipeline.destination import Destination

    is_direct = sends_directly()
    credential = None if settings.credential is None else id(settings.credential)
    key = (settings.instrumentation_key, settings.ingestion_endpoint, credential, is_direct)
    if not wired.destinations:
        check_environment()
        _exporter.use_role_of(context_tags)
    with process.registry:
        found = wired.destinations.get(key)
        if found is None:
            found = wired.destinations[key] = Destination(settings, context_tags, is_direct=is_direct)
    found.ask(signal, options, settings)
    if wired.on_sigterm is None:
        from opencensus_compat._bridge.pipeline import sigterm

        sigterm.watch_if_asked()
    return found


def parts(signal: str | None) -> list[Part]:
    """Return the parts that have been made of all destinations, of one signal or, for None, of all."""
    made = [part for each in list(wired.destinations.values()) for part in each.parts()]
    return [part for part in made if signal is None or part.signal == signal]
