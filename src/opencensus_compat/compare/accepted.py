"""The accepted list: differences that are meant, with reasons.

A file of entries, TOML or JSON (``{"accept": [{…}]}``)::

    [[accept]]
    table = "dependencies"
    column = "type"
    where = { name = "charge" }
    before = "INPROC"
    after = "InProc"
    reason = "the OpenTelemetry spelling"
    until = 2027-06-30

``table``, ``column``, ``before`` and ``after`` are `Accepted`'s; ``reason`` is required. Python 3.10 has no reader of TOML: there `_toml`
reads what such a file needs.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .model import ABSENT, ROW, Accepted, Values
from .noise import column as column_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_FIELDS = [field.name for field in fields(Accepted) if field.name not in ("source", "known", "only_if")]


class AcceptedListError(ValueError):
    """An accepted list that cannot be read; the message names the file and the place."""


def read(path: str | os.PathLike[str]) -> tuple[Accepted, ...]:
    """Return the entries of an accepted list, in order.

    Args:
        path: A file; one that ends with ``.json`` is JSON, any other TOML.

    Raises:
        AcceptedListError: It cannot be read, or an entry is none.

    """
    name = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        content = parse(text, name)
    except (OSError, ValueError) as error:
        raise AcceptedListError(f"cannot read the accepted list {name!r}: {error}") from None
    entries = content.get("accept", []) if isinstance(content, dict) else None
    if not isinstance(entries, list) or set(content) - {"accept"}:
        raise AcceptedListError(f"{name!r} is no accepted list: it holds entries `[[accept]]` and nothing else")
    return tuple(_entry(entry, f"{name}, entry {number}") for number, entry in enumerate(entries, 1))


def parse(text: str, name: str) -> Any:
    """Return what an accepted list holds, not yet checked.

    Args:
        text: The file's text.
        name: The file's name; one that ends with ``.json`` is JSON, any other TOML.

    Raises:
        ValueError: It is neither.

    """
    return json.loads(text) if name.endswith(".json") else _parse_toml(text)


def _entry(entry: object, source: str) -> Accepted:
    if not isinstance(entry, dict):
        raise AcceptedListError(f"{source} is no table of values")
    unknown = [key for key in entry if key not in _FIELDS]
    if unknown:
        raise AcceptedListError(f"{source} has an unknown key {unknown[0]!r}; the keys are {', '.join(_FIELDS)}")
    until = entry.get("until")
    if isinstance(until, str):
        try:
            until = datetime.date.fromisoformat(until)
        except ValueError:
            raise AcceptedListError(f"{source}: until is a day like 2027-06-30, not {until!r}") from None
    if until is not None and (not isinstance(until, datetime.date) or isinstance(until, datetime.datetime)):
        raise AcceptedListError(f"{source}: until is a day like 2027-06-30")
    reason = entry.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise AcceptedListError(f"{source} has no reason; say in one sentence why the difference is meant")
    where = entry.get("where", {})
    if not isinstance(where, dict):
        raise AcceptedListError(f"{source}: where holds columns and their values, like {{ name = 'charge' }}")
    texts = {key: entry[key] for key in ("table", "column", "before", "after") if key in entry}
    texts = {key: value if isinstance(value, str) else _as_text(value) for key, value in texts.items()}
    for key, value in texts.items():
        _check_pattern(value, f"{source}: {key}")
    conditions = {str(key): value if isinstance(value, str) else _as_text(value) for key, value in where.items()}
    for key, value in conditions.items():
        _check_pattern(value, f"{source}: where.{key}")
    return Accepted(reason=reason.strip(), where=conditions or None, until=until, source=source, **texts)


def _as_text(value: object) -> str:
    return json.dumps(value, default=str)


def _check_pattern(text: str, place: str) -> None:
    if text.startswith("re:"):
        try:
            re.compile(text[3:])
        except re.error as error:
            raise AcceptedListError(f"{place} is no regular expression: {error}") from None


def is_expired(entry: Accepted, today: datetime.date) -> bool:
    """Return whether the last day of an entry is over."""
    return entry.until is not None and entry.until < today


def fits(
    entry: Accepted,
    table: str,
    column: str,
    before: str,
    after: str,
    item: Callable[[], Mapping[str, str]],
    other: Callable[[], Mapping[str, str]] = dict,
) -> bool:
    """Return whether an entry accepts that a value differs.

    Args:
        entry: The entry, not expired.
        table: The portal's table.
        column: Column as in `Difference.column`.
        before: Text of the value before.
        after: Text of the value after.
        item: Gives the texts of the item's columns, if they are needed.
        other: The same of its counterpart after; of an item that is on one side only, of the counterpart of the item above it.

    """
    if entry.table not in ("*", table) or not _names(entry.column, column):
        return False
    if not (_is(entry.before, before) and _is(entry.after, after)):
        return False
    if entry.where and not all(_is(wanted, item().get(column_of(name), "")) for name, wanted in entry.where.items()):
        return False
    if entry.only_if is None:
        return True
    sides = (other(), item()) if column == ROW and before == ABSENT else (item(), other())
    return entry.only_if(Values(column, before, after, *sides))


def _names(wanted: str, column: str) -> bool:
    if wanted.startswith("re:"):
        return _pattern(wanted[3:]).fullmatch(column) is not None
    # All columns are all values: that whole rows come or go must be said.
    return column.startswith(wanted[:-1]) and column != "row" if wanted.endswith("*") else wanted == column


def _is(wanted: str | None, text: str) -> bool:
    if wanted is None:
        return True
    return _pattern(wanted[3:]).fullmatch(text) is not None if wanted.startswith("re:") else wanted == text


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


def _parse_toml(text: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    return parse_toml_subset(text)


_STRING = r""""(?:[^"\\]|\\.)*"|'[^']*'"""
_KEY = re.compile(rf"\s*({_STRING}|[\w-]+)\s*=\s*")
_VALUE = re.compile(rf"({_STRING})|(\d{{4}}-\d\d-\d\d)|(true|false)|([+-]?\d+(?:\.\d+)?)")


def parse_toml_subset(text: str) -> dict[str, Any]:
    """Return what a file of tables ``[[name]]`` holds: texts on one line, days, numbers, true and false, and inline tables of them.

    Raises:
        ValueError: Anything else; the message names the line.

    """
    content: dict[str, Any] = {}
    target: dict[str, Any] = content
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if (header := re.fullmatch(r"\[\[\s*([\w-]+)\s*\]\]\s*(#.*)?", stripped)) is not None:
            target = {}
            content.setdefault(header[1], []).append(target)
            continue
        if (header := re.fullmatch(r"\[\s*([\w-]+)\s*\.\s*([\w-]+)\s*\]\s*(#.*)?", stripped)) is not None and content.get(header[1]):
            target = content[header[1]][-1].setdefault(header[2], {})
            continue
        try:
            end = _pair(line, 0, target)
            rest = line[end:].strip()
        except ValueError as error:
            raise ValueError(f"line {number}: {error}; Python 3.10 reads simple values only, or use a .json file") from None
        if rest and not rest.startswith("#"):
            raise ValueError(f"line {number}: {rest!r} follows the value")
    return content


def _pair(line: str, at: int, target: dict[str, Any]) -> int:
    key = _KEY.match(line, at)
    if key is None:
        raise ValueError("expected `key = value`")
    name = _text(key[1]) if key[1][0] in "\"'" else key[1]
    if name in target:
        raise ValueError(f"{name!r} is there twice")
    at = key.end()
    if line[at : at + 1] == "{":
        inner: dict[str, Any] = {}
        at += 1
        while (found := re.compile(r"\s*,?\s*\}").match(line, at)) is None:
            comma = re.compile(r"\s*,").match(line, at)
            if inner and comma is None:
                raise ValueError("expected `,` or `}`")
            at = _pair(line, comma.end() if inner and comma else at, inner)
        target[name] = inner
        return found.end()
    value = _VALUE.match(line, at)
    if value is None:
        raise ValueError(f"cannot read the value of {name!r}")
    text, day, truth, amount = value.groups()
    if text is not None:
        target[name] = _text(text)
    elif day is not None:
        target[name] = datetime.date.fromisoformat(day)
    else:
        target[name] = truth == "true" if truth is not None else json.loads(amount.lstrip("+"))
    return value.end()


def _text(quoted: str) -> str:
    return quoted[1:-1] if quoted[0] == "'" else str(json.loads(quoted))


def split(entries: Iterable[Accepted], today: datetime.date) -> tuple[tuple[Accepted, ...], tuple[Accepted, ...]]:
    """Return the entries that count today, and those whose last day is over."""
    entries = tuple(entries)
    return tuple(entry for entry in entries if not is_expired(entry, today)), tuple(entry for entry in entries if is_expired(entry, today))
