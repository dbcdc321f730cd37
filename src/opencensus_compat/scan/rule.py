"""What a row of the rule table says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["exact", "shape", "decide", "keep"]
"""``exact``: the counterpart sends the same telemetry, where both have OpenTelemetry's envelopes. ``shape``: the same fact in other columns, or
another number. ``decide``: several readings. ``keep``: no counterpart; it stays on the facade, or goes with it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One form of use."""

    id: str
    """A letter for the area and three digits; never used for another form."""
    form: str
    kind: Kind
    counterpart: str
    """What takes its place in OpenTelemetry."""
    question: str = ""
    """What a person must decide; there for ``decide``, empty otherwise."""
    names: str = ""
    """Public names below ``opencensus``, with spaces between them. A class stands for its members, and a module for its names, that no
    other row has."""
    pair: str = ""
    """Names of the programs in ``tests/pairs/programs`` that show the form and what becomes of it, with spaces between them."""
    arrives: str = ""
    """Where Application Insights shows what the form makes, once items have OpenTelemetry's shape; empty where it makes no item and fills no
    column. Shape: ``tables: columns``, with commas between, and semicolons between several; without columns it is the whole row, and ``all`` is
    every table. A property is ``customDimensions.<key>``."""

    def places(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the tables and columns of `arrives`: ``("traces", ("message",))``; no columns for the whole row."""
        places = []
        for part in filter(None, self.arrives.split("; ")):
            tables, _, columns = part.partition(": ")
            places += [(table, tuple(columns.split(", ")) if columns else ()) for table in tables.split(", ")]
        return places
