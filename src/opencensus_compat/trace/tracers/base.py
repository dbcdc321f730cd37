"""What every OpenCensus tracer answers to, and the stand-in for an absent parent span."""

from __future__ import annotations

from typing import Any


class Tracer:
    """Base of the tracers. Every method raises NotImplementedError."""

    def finish(self) -> Any:
        """End every open span."""
        raise NotImplementedError

    def span(self, name: str = "span") -> Any:
        """Start a span and return it, for use in a `with` statement."""
        raise NotImplementedError

    def start_span(self, name: str = "span") -> Any:
        """Start a span, make it current and return it."""
        raise NotImplementedError

    def end_span(self) -> Any:
        """End the current span and make its parent current."""
        raise NotImplementedError

    def current_span(self) -> Any:
        """Return the current span."""
        raise NotImplementedError

    def add_attribute_to_current_span(self, attribute_key: str, attribute_value: Any) -> None:
        """Set an attribute of the current span."""
        raise NotImplementedError

    def list_collected_spans(self) -> Any:
        """Return the spans that are open."""
        raise NotImplementedError


class NullContextManager:
    """Stands where a span would: as the parent of a root span, with the id of a remote parent if there is one."""

    name: str | None = None
    span_id: str | None = None
    context_tracer: Any = None

    def __init__(self, span_id: str | None = None, context_tracer: Any = None) -> None:
        self.name = None
        self.span_id = span_id
        self.context_tracer = context_tracer

    def __enter__(self) -> NullContextManager:
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        pass

    def span(self, name: str = "span") -> NullContextManager:
        """Return another stand-in."""
        return NullContextManager(context_tracer=self.context_tracer)


def _no_parent() -> NullContextManager:
    """Return the stand-in for the parent of a root, without its constructor's three stores: one percent of a root span."""
    return object.__new__(NullContextManager)
