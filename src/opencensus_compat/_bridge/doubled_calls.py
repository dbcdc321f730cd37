"""One call, one span: whether an OpenTelemetry instrumentation makes the span that a legacy integration is about to start.

Integrations of other distributions run unmodified, and what they hand to a tracer is no more than a name. Which integration calls shows in
the frames of the caller alone, so they are read here and nowhere else. Requests that come in are matched by what is on their spans: see
`doubles`. This package's own integrations need no frames: see `ext._patching`.

Cost: 1 microsecond for a span inside another, 2.5 for one of an integration, where OpenTelemetry's instrumentations are loaded; nothing in
other programs.

Off: with None in place of `frame_at`, as in an interpreter without `sys._getframe`. The call then has a span of the integration, too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from opencensus_compat._bridge.process import report

__all__ = ["doubled", "frame_at"]

frame_at: Callable[[int], FrameType] | None = getattr(sys, "_getframe", None)
"""Returns the frame so many calls up; None switches the reading of frames off."""

_OURS = f"{__name__.partition('.')[0]}."
_INSTRUMENTATIONS = "opentelemetry.instrumentation"
_SERVERS = frozenset({"django", "fastapi", "flask", "pyramid"})
"""Legacy integrations that make a span for each request that comes in."""
_PEERS = {"dbapi": ("mysql", "mysqlclient", "pymysql"), "postgresql": ("psycopg2", "psycopg")}
"""Legacy integration -> OpenTelemetry's instrumentations of the same library, where their name is another."""


def doubled() -> bool:
    """Return whether an OpenTelemetry instrumentation makes the span of the call that a legacy integration is asking for.

    The first time, report it.
    """
    if frame_at is None:
        return False
    frame = frame_at(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_OURS):
        frame = frame.f_back
    caller = str(frame.f_globals.get("__name__")).split(".")
    if caller[:2] != ["opencensus", "ext"] or len(caller) < 3 or caller[2] in _SERVERS:
        return False
    library = caller[2]
    found = next((name for peer in _PEERS.get(library, (library,)) if _is_instrumented(name := f"{_INSTRUMENTATIONS}.{peer}")), None)
    if found is None:
        return False
    report(f"both {found} and opencensus.ext.{library} trace the same calls: the former makes the spans, the latter none")
    return True


def _is_instrumented(module: str) -> bool:
    for kind in list(vars(sys.modules.get(module, _NotLoaded)).values()):
        if isinstance(kind, type) and kind.__module__ == module and hasattr(kind, "is_instrumented_by_opentelemetry"):
            # Instrumentors are singletons.
            instrumentor: Any = kind()
            return bool(instrumentor.is_instrumented_by_opentelemetry)
    return False


class _NotLoaded:
    """Stands for a module that is not loaded."""
