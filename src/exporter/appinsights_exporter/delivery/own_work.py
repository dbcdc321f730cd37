"""How this package's own work is told from the application's, so that no log line about sending telemetry becomes telemetry.

Each request would bring lines about itself, and they the next request. OpenTelemetry's logging handlers take any record, also those of
urllib3 on this package's threads, and hold a lock meanwhile: behind a processor that exports at once, such a line would wait for the
export that it is part of. So those handlers get a filter, and exporters of log records leave out what has come another way.
"""

from __future__ import annotations

import logging
import os

from opentelemetry.context import Context, set_value
from opentelemetry.trace import NonRecordingSpan, SpanContext, get_current_span, set_span_in_context

SUPPRESS_KEY = "suppress_instrumentation"
OWN_TRACE_ID = int.from_bytes(os.urandom(16), "big") or 1
"""Trace of what happens while this package sends. No release of the SDK keeps more of the thread that logged for an exporter to see."""

_OWN_SPAN = NonRecordingSpan(SpanContext(OWN_TRACE_ID, 1, is_remote=False))
_LIBRARIES = ("azure", "msal", "requests", "urllib3")
"""Whose loggers may have handlers of their own, besides the root logger's."""

_kinds: dict[type, bool] = {}


def own_context(around: Context | None = None) -> Context:
    """Return the context in which this package sends: instrumentations look away, and log records can be told from the application's.

    Args:
        around: What else it holds; None for what is current.
    """
    return set_span_in_context(_OWN_SPAN, set_value(SUPPRESS_KEY, True, around))


def keep_from_handlers() -> None:
    """Let OpenTelemetry's logging handlers, where there are any, leave out what is logged in :func:`own_context`."""
    known = logging.Logger.manager.loggerDict
    for logger in (logging.root, *map(known.get, _LIBRARIES)):
        for handler in list(getattr(logger, "handlers", ())):
            if _is_of_opentelemetry(type(handler)):
                handler.addFilter(_is_of_application)


def _is_of_opentelemetry(kind: type) -> bool:
    found = _kinds.get(kind)
    if found is None:
        found = any(base.__name__ == "LoggingHandler" and base.__module__.startswith("opentelemetry.") for base in kind.__mro__)
        _kinds[kind] = found
    return found


def _is_of_application(_: logging.LogRecord) -> bool:
    return get_current_span().get_span_context().trace_id != OWN_TRACE_ID
