"""Rows and transactions as text for a terminal. Pure: values in, text out.

Every text from telemetry is shown on one line: control characters, line ends and invisible direction marks are escaped,
so that no item can move the cursor, change colours or break a table. Widths count terminal columns: wide characters
two, combining marks none.
"""

from __future__ import annotations

from .findings import problems, reasons, redirected
from .items import item
from .stacks import stacks
from .style import Style
from .tables import TABLE_COLUMNS, overview, table
from .text import clean, columns, duration, fit, headline
from .trees import transaction

__all__ = [
    "TABLE_COLUMNS",
    "Style",
    "clean",
    "columns",
    "duration",
    "fit",
    "headline",
    "item",
    "overview",
    "problems",
    "reasons",
    "redirected",
    "stacks",
    "table",
    "transaction",
]
