"""What the check found, why nothing arrived, and what was redirected."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from .style import Style, ellipsis, painted
from .text import clean, fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def problems(refused: Sequence[Mapping[str, object]], warnings: Sequence[Mapping[str, object]], style: Style) -> str:
    """Return what the check found, equal findings together; empty when it found nothing.

    Args:
        refused: ``statusCode`` and ``message`` of each refused item.
        warnings: ``path`` and ``text`` of each warning.

    """
    lines = []
    if refused:
        lines.append(painted(f"refused ({len(refused)})", "bad", style))
        lines.extend(_counted([f"{entry['status']} {clean(entry['message'])}" for entry in refused], style))
    notable = [entry for entry in warnings if not _is_harmless(entry)]
    if notable:
        lines.append(painted(f"accepted with warnings ({len(notable)})", "warn", style))
        lines.extend(_counted([f"{clean(entry['path'])} {clean(entry['text'])}" for entry in notable], style))
    if len(notable) < len(warnings):
        # `lineNumber` of every log record is one.
        said = f"numbers and booleans in properties, as the old SDK sent them: {len(warnings) - len(notable)}; nothing to do"
        lines.append(painted(said, "dim", style))
    return "\n".join(lines)


def reasons(sentences: Sequence[str], style: Style) -> str:
    """Return sentences that say why nothing arrived, as a list; empty when there is none."""
    if not sentences:
        return ""
    lines = [painted("likely reasons", "bold", style)]
    for sentence in sentences:
        lines += textwrap.wrap(clean(sentence), style.width, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join([*lines, "", "More: census-compat guide troubleshooting"])


def redirected(endpoints: Mapping[str, int], style: Style) -> str:
    """Return which endpoints did not get the items that were meant for them; empty when there is none.

    Args:
        endpoints: The number of items of each.
        style: What the terminal can show.
    """
    if not endpoints:
        return ""
    lines = [fit(f"{items:>5} x {clean(name)}", style.width, mark=ellipsis(style)).rstrip() for name, items in endpoints.items()]
    return "\n".join([painted("redirected here; nothing was sent to", "bold", style), *lines])


def _is_harmless(warning: Mapping[str, object]) -> bool:
    path, text = str(warning["path"]), str(warning["text"])
    return "baseData.properties" in path and text.startswith(("is a number; ", "is a boolean; "))


def _counted(texts: list[str], style: Style) -> list[str]:
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    return [fit(f"{count:>5} x {text}", style.width, mark=ellipsis(style)).rstrip() for text, count in counts.items()]
