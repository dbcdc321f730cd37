"""Providers that an application sets after OpenCensus code had to have one: OpenTelemetry takes one for each signal, and refuses the second.

Legacy exporters are often made while modules are imported, before the application configures OpenTelemetry. So from the moment at which
this package has set a provider, the functions that set the global ones hand a further provider over here, also those that other modules
have imported by name. Before that moment, and after a reset, they are OpenTelemetry's own.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from opencensus_compat._bridge.process import on_reset

__all__ = ["unwatch", "watch"]

_P = TypeVar("_P")

_SETTERS = {
    "traces": ("opentelemetry.trace", "set_tracer_provider"),
    "logs": ("opentelemetry._logs", "set_logger_provider"),
    "metrics": ("opentelemetry.metrics", "set_meter_provider"),
}
"""Signal -> module and name of what sets its global provider."""

_watched: dict[str, tuple[Any, Any]] = {}
"""Signal -> OpenTelemetry's function and what stands in its place."""
_watchers: dict[str, dict[object, Callable[[Any], bool]]] = {}
"""Signal -> owner -> its function; see `watch`."""


def watch(signal: str, owner: object, take: Callable[[_P], bool]) -> None:
    """Call a function with each provider of a signal that is set from now on.

    Args:
        signal: Of the provider.
        owner: Key of the function: a second call for the same owner replaces it.
        take: Returns whether it has taken the provider; a provider that no function has taken is set as OpenTelemetry does.
    """
    watchers = _watchers.setdefault(signal, {})
    watchers[owner] = take
    if signal in _watched:
        return
    module, name = _SETTERS[signal]
    original = getattr(importlib.import_module(module), name)

    @functools.wraps(original)
    def set_provider(*args: object, **options: object) -> None:
        given = [*args, *options.values()]
        # All of them are called, whatever the first one returns.
        taken = [call(given[0]) for call in list(watchers.values())] if len(given) == 1 else []
        if not any(taken):
            original(*args, **options)

    _watched[signal] = (original, set_provider)
    _replace(name, original, set_provider)


def unwatch() -> None:
    """Give OpenTelemetry's functions back."""
    for signal, (original, ours) in list(_watched.items()):
        _replace(_SETTERS[signal][1], ours, original)
        del _watched[signal]
    _watchers.clear()


def _replace(name: str, old: object, new: object) -> None:
    """Put a function in the place of another in every loaded module: `from opentelemetry.trace import set_tracer_provider` has been run by then.

    Costs 0.1 ms for 700 modules, once for each signal whose provider this package makes. A program that names its providers by `configure`,
    or sets them before its first exporter is made, never comes here. `tests/mixed/test_providers.py::test_the_application_sets_its_providers` fails
    without it.
    """
    for module in list(sys.modules.values()):
        try:
            # Past the module's own `__getattribute__`, which loads one that is to be loaded when first needed.
            names = object.__getattribute__(module, "__dict__")
        except AttributeError:
            continue
        if names.get(name) is old:
            names[name] = new


on_reset(unwatch)
