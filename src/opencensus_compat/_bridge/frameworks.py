"""Frameworks that trace themselves as soon as there is a provider, and that an unchanged program has never heard of.

With a provider that we made, for a program that has none, what they make would come on top of what the program's own OpenCensus code makes:
each request twice, and spans of the framework's inner steps. So these providers leave it out, as the retired SDK did. An application that
sets a provider itself gets all of it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.process import log_once

if TYPE_CHECKING:
    from opentelemetry.context import Context

SCOPES = frozenset({"fastapi"})
"""Names of the instrumentation scopes that they use."""

_logger = logging.getLogger("opencensus_compat")


def leave_out(scope: str) -> bool:
    """Return whether a provider that we made leaves out what comes from a scope; the first time, log that."""
    if scope not in SCOPES:
        return False
    log_once(
        _logger.debug,
        f"The telemetry that {scope} makes by itself is dropped; OpenTelemetry providers that you set yourself export it.",
    )
    return True


class SilentTracer(trace_api.Tracer):
    """Makes no spans, and leaves the one that is current so; with the provider that an application set meanwhile, does as that does.

    Args:
        theirs: Returns the tracer of the application's provider; None while there is none.
    """

    def __init__(self, theirs: Callable[[], trace_api.Tracer | None]) -> None:
        self._theirs = theirs

    def start_span(
        self, name: str, context: Context | None = None, kind: trace_api.SpanKind = trace_api.SpanKind.INTERNAL, *args: Any, **options: Any
    ) -> trace_api.Span:
        """Return a span that stands for the one around; a caller's own span in a request's headers is left to OpenCensus to read."""
        theirs = self._theirs()
        return _stand_in(context, kind) if theirs is None else theirs.start_span(name, context, kind, *args, **options)

    @contextlib.contextmanager
    def start_as_current_span(  # type: ignore[override] # the API's decorator has types of its own
        self, name: str, context: Context | None = None, kind: trace_api.SpanKind = trace_api.SpanKind.INTERNAL, *args: Any, **options: Any
    ) -> Iterator[trace_api.Span]:
        """Return a span that stands for the one around, which stays current."""
        theirs = self._theirs()
        if theirs is None:
            yield _stand_in(context, kind)
        else:
            with theirs.start_as_current_span(name, context, kind, *args, **options) as span:
                yield span


def _stand_in(context: Context | None, kind: trace_api.SpanKind) -> trace_api.Span:
    around = trace_api.get_current_span(context)
    if isinstance(around, _context.Silenced):
        around = around.around
    found = around.get_span_context()
    if found.is_remote and kind in (trace_api.SpanKind.SERVER, trace_api.SpanKind.CONSUMER):
        # The parent of the request that is left out, which the framework may have made current.
        _context.hide(around)
        return trace_api.INVALID_SPAN
    return _context.Silenced(around) if found.is_valid else trace_api.INVALID_SPAN


class SilentLogger:
    """Takes records, and does nothing with them."""

    def emit(self, *args: object, **options: object) -> None:
        """Do nothing."""
