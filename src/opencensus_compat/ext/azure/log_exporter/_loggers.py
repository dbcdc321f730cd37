"""Whose a logger is: the application's, this package's, or that of a library that exporters use."""

from __future__ import annotations

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.process import on_reset

__all__ = ["APPLICATION", "LIBRARY", "OURS", "is_suppressed", "tree_of", "trees"]

APPLICATION, OURS, LIBRARY = 0, 1, 2
_OWN_TREES = frozenset({"appinsights_exporter", "opencensus", "opencensus_compat"})
_LIBRARY_TREES = frozenset(
    {"azure", "chardet", "charset_normalizer", "grpc", "h2", "httpcore", "httpx", "msal", "opentelemetry", "requests", "urllib3"}
)
"""Libraries that exporters use: what these log during an export is not the application's."""
_MOST_NAMES = 10_000
_SUPPRESSED = ("suppress_instrumentation", "suppress_http_instrumentation")
"""Beginnings of the context keys under which exporters suppress instrumentation."""

trees: dict[str, int] = {}
"""Name of a logger -> whose it is."""
on_reset(trees.clear)


def tree_of(name: str) -> int:
    """Return whose logger has a name, and remember that in `trees`."""
    # Programs name loggers by anything.
    top = str(name).partition(".")[0]
    tree = OURS if top in _OWN_TREES else LIBRARY if top in _LIBRARY_TREES else APPLICATION
    if len(trees) >= _MOST_NAMES:
        trees.clear()
    trees[name] = tree
    return tree


def is_suppressed() -> bool:
    """Return whether somebody's exporter runs, which suppresses instrumentation meanwhile."""
    return any(key.startswith(_SUPPRESSED) and value for key, value in _context.get_current().items())
