"""Which destinations there are, and what makes their parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.process import on_reset, process
from opencensus_compat._bridge.settings import check_environment, sends_directly

if TYPE_CHECKING:
    from opencensus_compat._bridge.exporter import BaseObject, Settings
    from opencensus_compat._bridge.pipeline.destination import Destination, MakePart
    from opencensus_compat._bridge.pipeline.part import AnyPart

__all__ = ["all_destinations", "destination", "make_parts_with", "parts"]

_known: dict[tuple[object, ...], Destination] = {}
"""What distinguishes destinations -> the destination."""
_makers: dict[str, Callable[[], MakePart]] = {}
"""Signal -> what loads, and returns, what makes its parts."""
_settled: dict[tuple[int, str, bool], tuple[Settings, Destination, Settings]] = {}
"""Id of settings, signal and whether it is direct -> the settings, the destination that was found for them, and its own settings then."""
_MOST_SETTLED = 64


def _forget() -> None:
    _known.clear()
    _settled.clear()
    _exporter.use_role_of(None)


on_reset(_forget)


def make_parts_with(signal: str, load: Callable[[], MakePart]) -> None:
    """Register what makes a signal's parts.

    Args:
        signal: Which one.
        load: Returns the class of its parts, or what makes one like it. Called without locks: it may import.
    """
    _makers[signal] = load


def destination(settings: Settings, context_tags: Mapping[str, object], signal: str, options: BaseObject) -> Destination:
    """Return the destination of the given settings, the same one each time.

    Args:
        settings: The exporter's Settings. The same object means the same options, too: nothing is left to be set or compared then.
        context_tags: The tags that facade telemetry carries, a mapping that the program may change at any time.
        signal: What the caller will use it for.
        options: Legacy options that the signal's batch processor is set from.
    """
    is_direct = sends_directly()
    settled = _settled.get((id(settings), signal, is_direct))
    if settled is not None and settled[0] is settings and settled[2] is settled[1].settings:
        return settled[1]
    # Here, for a program that imports exporters does not always make one; and not under the lock.
    from opencensus_compat._bridge.pipeline import sigterm
    from opencensus_compat._bridge.pipeline.destination import Destination

    key = (*_exporter.delivery_key(settings), is_direct)
    if not _known:
        check_environment()
        _exporter.use_role_of(context_tags)
    with process.registry:
        found = _known.get(key)
        if found is None:
            found = _known[key] = Destination(settings, context_tags, _makers, is_direct=is_direct)
    found.configure_batching(signal, options, settings)
    sigterm.watch_if_configured()
    if len(_settled) >= _MOST_SETTLED:
        _settled.clear()
    _settled[id(settings), signal, is_direct] = settings, found, found.settings
    return found


def all_destinations() -> list[Destination]:
    """Return the destinations that there are."""
    return list(_known.values())


def parts(signal: str | None) -> list[AnyPart]:
    """Return the parts that have been made of all destinations, of one signal or, for None, of all."""
    made = [part for each in list(_known.values()) for part in each.parts()]
    return [part for part in made if signal is None or part.signal == signal]
