"""Which items are asked for: by table, column, property, text, severity and time. Pure: a filter in, conditions in SQL out.

``local show``, the control requests and the pages ask in these terms, so that all of them find the same rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .tables import TABLES
from .times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_EQUALS = {"TEXT": "{} = ?", "JSON": "{} = ?", "INTEGER": "CAST({} AS TEXT) = ?", "REAL": "{} = CAST(? AS REAL)"}
"""How a column of each type is compared with a text; text columns plainly, so that their index helps."""

_HAS_MEMBER = (
    "EXISTS (SELECT 1 FROM json_each({}) WHERE key IN (?, ?) AND CAST(value AS TEXT) = ?)",
    "EXISTS (SELECT 1 FROM json_each({}) WHERE key IN (?, ?) AND value = CAST(? AS REAL))",
)
"""How a property, and a measurement, is compared. SQLite before 3.42 gives keys with their escapes; its paths cannot name those."""

_SEARCHED_TAGS = ("operation_Name", "operation_Id", "cloud_RoleName", "user_Id", "session_Id")
_NOT_SEARCHED = ("timestamp", "itemType", "performanceBucket", "iKey", "appId", "sdkVersion", "itemId", "success")
_ESCAPE = "~"


class FilterError(KeyError):
    """A filter that names what no table has, or a time that is none; the message lists what there is."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A column, or a property of a dynamic column, that must have a value, compared as text."""

    column: str
    """For example ``name`` or ``customDimensions``."""
    key: str | None
    """The property; ``None`` for the whole column."""
    value: str

    @property
    def name(self) -> str:
        """The column as users write it, for example ``customDimensions.cart``."""
        return self.column if self.key is None else f"{self.column}.{self.key}"


@dataclass(frozen=True, slots=True)
class Filter:
    """What items must have; without arguments, any item."""

    tables: tuple[str, ...] = ()
    """Keys of ``tables.TABLES``; empty for all."""
    where: tuple[Condition, ...] = ()
    text: str = ""
    """Anywhere in the item's texts; case counts for letters outside ASCII only."""
    since: str = ""
    """First instant, as ``instant`` returns it."""
    until: str = ""
    """First instant after the last."""
    severity: int | None = None
    """Least ``severityLevel``; items without one do not pass."""
    failed: bool = False
    """Only calls that did not succeed, and exceptions."""

    @property
    def selects_all(self) -> bool:
        """Every item passes."""
        return self == _EVERYTHING


_EVERYTHING = Filter()


def condition(name: str, value: str) -> Condition:
    """Return the condition that ``name=value`` stands for.

    Args:
        name: A column, or a dynamic column and a property: ``customDimensions.cart``. A property may contain dots.
        value: What it must equal.

    """
    column, dot, key = name.partition(".")
    return Condition(column, key if dot else None, value)


def conditions(where: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[Condition, ...]:
    """Return the condition of each pair of name and value."""
    pairs = where.items() if hasattr(where, "items") else where
    return tuple(condition(name, value) for name, value in pairs)


def from_query(query: Mapping[str, Sequence[str]]) -> Filter:
    """Return the filter that a query string stands for: ``table`` and ``where=COLUMN=VALUE``, which may be repeated, ``text``, ``since``,
    ``until``, ``severity`` and ``failed=1``; other names say nothing.

    Raises:
        FilterError: A value that cannot be understood.

    """

    def one(name: str) -> str:
        return query[name][-1] if query.get(name) else ""

    where = []
    for text in query.get("where", ()):
        name, equals, value = text.partition("=")
        if not equals:
            raise FilterError(f"expected COLUMN=VALUE, got {text!r}")
        where.append(condition(name, value))
    severity = one("severity")
    if severity and not severity.isdecimal():
        raise FilterError(f"expected a severity from 0 to 4, got {severity!r}")
    return Filter(
        tuple(known_table(name) for name in query.get("table", ())),
        tuple(where),
        one("text"),
        instant(one("since")) if one("since") else "",
        instant(one("until")) if one("until") else "",
        int(severity) if severity else None,
        one("failed") == "1",
    )


def as_query(wanted: Filter) -> list[tuple[str, str]]:
    """Return the names and values that ``from_query`` makes the filter from."""
    pairs = [("table", table) for table in wanted.tables] + [("where", f"{entry.name}={entry.value}") for entry in wanted.where]
    pairs += [(name, value) for name in ("text", "since", "until") if (value := getattr(wanted, name))]
    if wanted.severity is not None:
        pairs.append(("severity", str(wanted.severity)))
    return [*pairs, ("failed", "1")] if wanted.failed else pairs


def instant(text: str) -> str:
    """Return a time as the ``timestamp`` column writes it, so that texts compare as instants.

    Raises:
        FilterError: It is no ISO 8601 time.

    """
    parsed = parse_time(text) or parse_time(f"{text}:00") or parse_time(f"{text}T00:00:00")
    if parsed is None:
        raise FilterError(f"expected a time such as 2026-11-30T14:05:00Z, got {text!r}")
    return parsed[0].isoformat(timespec="microseconds")[:26] + "0Z"


def known_table(name: str) -> str:
    """Return the name of a table.

    Raises:
        FilterError: There is no such table; the message lists the tables.

    """
    if name not in TABLES:
        raise FilterError(f"no table {name!r}; the tables are {', '.join(TABLES)}")
    return name


def check(wanted: Filter) -> None:
    """Object to a filter that no item of any table can pass, because of how it is written.

    Raises:
        FilterError: A column that no table has, or a property of a column that has none.

    """
    for entry in wanted.where:
        kinds = {columns[entry.column] for columns in TABLES.values() if entry.column in columns}
        if not kinds:
            raise FilterError(f"no table has a column {entry.column!r}")
        if entry.key is not None and "JSON" not in kinds:
            raise FilterError(f"column {entry.column!r} has no properties; customDimensions and customMeasurements have")


def in_sql(wanted: Filter, table: str) -> tuple[str, list[object]] | None:
    """Return the conditions on rows of a table, and their parameters; ``None`` when none of its rows can pass.

    Raises:
        FilterError: The filter is for this table alone, which lacks one of the columns.

    """
    columns = TABLES[table]
    if wanted.tables and table not in wanted.tables:
        return None
    parts: list[str] = []
    parameters: list[object] = []
    for entry in wanted.where:
        kind = columns.get(entry.column)
        if kind is None:
            if wanted.tables == (table,):
                raise FilterError(f"no column {entry.column!r} in {table}; its columns are {', '.join(columns)}")
            return None
        if entry.key is None:
            parts.append(_EQUALS[kind].format(entry.column))
        elif kind == "JSON":
            parts.append(_HAS_MEMBER[entry.column == "customMeasurements"].format(entry.column))
            parameters += [entry.key, json.dumps(entry.key, ensure_ascii=False)[1:-1]]
        else:
            return None
        parameters.append(entry.value)
    if wanted.severity is not None:
        if "severityLevel" not in columns:
            return None
        parts.append("severityLevel >= ?")
        parameters.append(wanted.severity)
    if wanted.failed and table != "exceptions":
        if "success" not in columns:
            return None
        parts.append("success IN ('False', '0')")
    for sign, limit in ((">=", wanted.since), ("<", wanted.until)):
        if limit:
            parts.append(f"timestamp {sign} ?")
            parameters.append(limit)
    if wanted.text:
        searched = _searched(table)
        parts.append("(" + " OR ".join(f"{column} LIKE ? ESCAPE '{_ESCAPE}'" for column in searched) + ")")
        in_json = json.dumps(wanted.text, ensure_ascii=False)[1:-1]
        parameters += [_pattern(in_json if columns[column] == "JSON" else wanted.text) for column in searched]
    return " AND ".join(parts), parameters


def _searched(table: str) -> list[str]:
    """Return the columns of a table in which texts are looked for."""
    own = [name for name, kind in TABLES[table].items() if kind in ("TEXT", "JSON") and name not in _NOT_SEARCHED]
    return [
        name
        for name in own
        if name in _SEARCHED_TAGS or not name.startswith(("operation_", "session_", "user_", "client_", "cloud_", "application_"))
    ]


def _pattern(text: str) -> str:
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return f"%{text}%"
