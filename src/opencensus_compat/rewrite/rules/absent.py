"""Names that the last release of OpenCensus does not have: what a person is asked about each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_MOVED = (
    (r"trace\.exporters\.transports\.background_thread\.BackgroundThreadTransport\b", "common.transports.async_.AsyncTransport"),
    (r"trace\.exporters\.transports\.background_thread\b", "common.transports.async_"),
    (r"trace\.exporters\.transports\b", "common.transports"),
    (r"trace\.exporters\.base\b", "trace.base_exporter"),
    (r"trace\.exporters\.(print|file|logging)_exporter\b", r"trace.\1_exporter"),
    (r"trace\.exporters\.(\w+?)(?:_exporter|\.trace_exporter)\b", r"ext.\1.trace_exporter"),
    (r"trace\.ext\b", "ext"),
    (r"stats\.exporters\.base\b", "stats.base_exporter"),
    (r"stats\.exporters\.(\w+?)(?:_exporter)?\b", r"ext.\1.stats_exporter"),
)
"""Name of an early release -> that of the last one."""


def never(use: Found, file: File) -> Outcome:
    """A name that no release has is asked about by itself."""
    name = use.symbol.rpartition(".")[2]
    if not name.isidentifier():
        return Ask(BY_ID[use.rule].question)
    return Ask(f"No release of OpenCensus has `{name}`: does this line ever run? Delete it, or name what is meant.")


def early(use: Found, file: File) -> Outcome:
    """A name that has moved is asked about with its new place."""
    for old, new in _MOVED:
        name, count = re.subn(rf"^{old}", new, use.symbol)
        if count:
            return Ask(
                f"Does this run on a release before 0.3? Later ones have `opencensus.{name}` in its place: write that first, and run `rewrite` again."
            )
    return Ask(BY_ID[use.rule].question)


REWRITERS: dict[str, Rewriter] = {"X002": never, "X003": early}
