"""What says nothing when it differs: columns that are declared here, with reasons, and what twins of an unchanged program differ in."""

from __future__ import annotations

import re

from .model import NotCompared

NOT_COMPARED = (
    NotCompared("*", "timestamp", "it is when the run was; which item below a parent follows on which is compared"),
    NotCompared("*", "duration", "it is how busy the machine was; another unit is noticed, and a tolerance makes it compared"),
    NotCompared("*", "performanceBucket", "it follows from the duration"),
    NotCompared("*", "itemId", "it is the order of arrival, which threads and batches change"),
    NotCompared("*", "appId", "here it repeats the iKey"),
    NotCompared("*", "id", "it is random; which item it names is compared, by who names it as parent"),
    NotCompared("*", "operation_Id", "it is random; which items share it is compared"),
    NotCompared("*", "operation_ParentId", "it is random; which item it names is compared, and its form"),
    NotCompared("*", "iKey", "each recording may have one of its own; which items share it is compared"),
    NotCompared("*", "client_IP", "the service writes it from the connection"),
    NotCompared("exceptions", "details.id", "it is a number that links the parts of one chain"),
    NotCompared("exceptions", "details.outerId", "it is a number that links the parts of one chain"),
    NotCompared("performanceCounters", "value", "it is what machine, process and clock say; which counters there are is compared"),
)
"""Columns whose values are never compared, or by what they name alone."""

_NEVER = {(row.table, row.column) for row in NOT_COMPARED}
_NUMBER = re.compile(r"\.\d+(?=\.|$)")


def column(cell: str) -> str:
    """Return the column of a cell: parts of lists without their number, ``details.parsedStack.line``."""
    return _NUMBER.sub("", cell) if cell.startswith("details.") else cell


def is_compared(table: str, cell: str) -> bool:
    """Return whether the values of a cell are compared."""
    name = column(cell)
    return ("*", name) not in _NEVER and (table, name) not in _NEVER
