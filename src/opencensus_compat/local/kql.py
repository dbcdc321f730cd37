"""Questions as the portal asks them: the KQL that finds there what a page shows here. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .tables import TABLES

if TYPE_CHECKING:
    from .filters import Condition, Filter


def of_filter(wanted: Filter) -> str:
    """Return the query for what passes a filter, newest first."""
    lines = [_source(wanted.tables)]
    lines += [f"where timestamp {sign} datetime({limit})" for sign, limit in ((">=", wanted.since), ("<", wanted.until)) if limit]
    lines += [f"where {_condition(entry)}" for entry in wanted.where]
    if wanted.severity is not None:
        lines.append(f"where severityLevel >= {wanted.severity}")
    if wanted.failed:
        lines.append('where success in ("False", "0") or itemType == "exception"')
    if wanted.text:
        lines.append(f"where * contains {_text(wanted.text)}")
    return "\n| ".join([*lines, "order by timestamp desc"])


def of_operation(operation_id: str) -> str:
    """Return the query for all items of an operation, in order of time."""
    return f"{_source(())}\n| where operation_Id == {_text(operation_id)}\n| order by timestamp asc"


def of_item(table: str, row: dict[str, object]) -> str:
    """Return the query for one item: by its id where it has one, else by its time."""
    if row.get("id"):
        return f"{table}\n| where id == {_text(str(row['id']))}"
    where = f"{table}\n| where timestamp == datetime({row.get('timestamp')})"
    return where + (f"\n| where operation_Id == {_text(str(row['operation_Id']))}" if row.get("operation_Id") else "")


def of_metric(table: str, name: str, by: str, grain_s: int) -> str:
    """Return the query that draws a metric as a chart."""
    values = (
        "avg = sum(valueSum) / sum(valueCount), sum = sum(valueSum), min = min(valueMin), max = max(valueMax), count = sum(valueCount)"
        if table == "customMetrics"
        else "avg = avg(value), sum = sum(value), min = min(value), max = max(value), count = count()"
    )
    split = f", {_name('customDimensions', by)}" if by else ""
    return f"{table}\n| where name == {_text(name)}\n| summarize {values} by bin(timestamp, {grain_s}s){split}\n| render timechart"


def _source(tables: tuple[str, ...]) -> str:
    names = tables or tuple(TABLES)
    return names[0] if len(names) == 1 else f"union {', '.join(names)}"


def _condition(entry: Condition) -> str:
    kinds = {columns[entry.column] for columns in TABLES.values() if entry.column in columns}
    if entry.key is not None:
        convert, number = ("todouble", True) if entry.column == "customMeasurements" else ("tostring", False)
        return f"{convert}({_name(entry.column, entry.key)}) == {entry.value if number else _text(entry.value)}"
    return f"{entry.column} == {entry.value if kinds & {'REAL', 'INTEGER'} else _text(entry.value)}"


def _name(column: str, key: str) -> str:
    return f"{column}[{_text(key)}]"


def _text(value: str) -> str:
    """Return a string of KQL, which escapes as JSON does."""
    return json.dumps(value, ensure_ascii=False)
