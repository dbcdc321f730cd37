"""Spans: their start, and what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Keep

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

FREE: frozenset[str] = frozenset()


def in_with(use: Found, file: File) -> Outcome:
    """`with tracer.span(name=...)` → `with tracer.start_as_current_span(name=...)`."""
    call = file.call(use.node)
    if call is None:
        return Keep("a method as a value")
    edits = [file.rename(use.node, "start_as_current_span"), *file.positional(call, {"name": "name"})]
    if not call.args and not call.keywords:
        edits.append(file.splice(file.end(call) - 1, file.end(call) - 1, '"span"', call))
    return edits


def attribute(use: Found, file: File) -> Outcome:
    """`span.add_attribute(key, value)` → `span.set_attribute(key, value)`."""
    call = file.call(use.node)
    if call is None:
        return Keep("a method as a value")
    return [file.rename(use.node, "set_attribute"), *file.positional(call, {"attribute_key": "key", "attribute_value": "value"})]


REWRITERS: dict[str, Rewriter] = {"T010": in_with, "T020": attribute}
