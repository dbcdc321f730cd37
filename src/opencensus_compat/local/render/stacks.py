"""The exceptions of a transaction with their stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import Style, ellipsis, painted
from .text import clean, fit, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..transaction import Transaction

_MAX_FRAMES = 12


def stacks(found: Transaction, style: Style) -> str:
    """Return the exceptions of a transaction with their stacks: each error, then those that led to it; innermost frames first.

    Empty when no exception has a stack. Of a long stack the innermost frames are shown.
    """
    lines: list[str] = []
    for _, _, node in found.walk():
        details = node.row.get("details") if node.table == "exceptions" else None
        entries = [entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else []
        if not any(entry.get("parsedStack") or entry.get("rawStack") for entry in entries):
            continue
        for place, entry in enumerate(entries):
            title = f"{'! ' if place == 0 else '  from '}{clean(entry.get('type') or '')}: {shortened(entry.get('message'))}"
            lines.append(painted(fit(title, style.width, mark=ellipsis(style)).rstrip(), "bad" if place == 0 else "", style))
            lines.extend(painted(fit(f"    {line}", style.width, mark=ellipsis(style)).rstrip(), "dim", style) for line in _frames(entry))
    return "\n".join(lines)


def _frames(entry: Mapping[str, object]) -> list[str]:
    """Return a line for each frame of an exception, or its stack's text."""
    stack = entry.get("parsedStack")
    frames = [frame for frame in stack if isinstance(frame, dict)] if isinstance(stack, list) else []
    lines = [
        f"{clean(frame.get('method') or '?')}  {clean(frame.get('fileName') or '')}:{clean(frame.get('line', '?'))}"
        for frame in frames[:_MAX_FRAMES]
    ]
    if len(frames) > _MAX_FRAMES:
        lines.append(f"and {len(frames) - _MAX_FRAMES} more")
    raw = entry.get("rawStack")
    if not lines and isinstance(raw, str):
        # The end of a traceback says most.
        lines = [clean(line) for line in raw[-_MAX_FRAMES * 1024 :].splitlines()[-_MAX_FRAMES:]]
    return lines
