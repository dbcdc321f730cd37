"""Which lines of a program called OpenCensus while it was recorded, read from the notes of its processes. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .bodies import JsonObject


@dataclass(frozen=True, slots=True, order=True)
class CallSite:
    """A line of a program that called a public name of OpenCensus."""

    file: str
    """Absolute path, as Python knew it where the program ran; installed packages have their lines, too."""
    line: int
    symbol: str
    """Dotted name below ``opencensus``: a function, a method of a class, or a class that was made an instance of."""
    via: str
    """Module of the standard library that made the call for this line; ``logging`` for a line that logged a record. Empty for a line that
    called by itself."""
    count: int
    """How often, in all processes; of one that ended without exit hooks, more than half of its calls."""


def call_sites_in(notes: Iterable[JsonObject]) -> list[CallSite]:
    """Return the call sites of all processes; what cannot be read is left out."""
    counts: Counter[tuple[str, int, str, str]] = Counter()
    for note in notes:
        for site in note.get("sites", ()):
            match site:
                case [str(file), int(line), str(symbol), str(via), int(count)]:
                    counts[file, line, symbol, via] += count
    return [CallSite(*place, count) for place, count in sorted(counts.items())]
