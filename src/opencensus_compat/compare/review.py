"""Walks through the differences that nothing accepts, and asks a person what is to become of each."""

from __future__ import annotations

import datetime
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opencensus_compat.local.commands.terminal import CommandError

from .accepted import parse
from .metrics import METRIC_TABLES
from .model import Accepted
from .output import save_output
from .reports.sides import is_row
from .reports.text import difference_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opencensus_compat.local.render import Style

    from .model import Change, Comparison, Difference
    from .reports import Sides

_NAMES = {"traces": "message", "exceptions": "outerType"}
"""Columns that examples of an item are of, where it is not ``name``."""
_SHORTENED = re.compile(r"(…?)(.{1,300})(…?) \((\d+) characters\)", re.DOTALL)
_LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How the person is asked."""

    ask: Callable[[str], str]
    """Shows a question and returns the answer.

    Raises:
        EOFError: There is nobody to answer any more.

    """
    say: Callable[[str], None]
    style: Style


def review(comparison: Comparison, sides: Sides, dialogue: Dialogue, today: datetime.date) -> list[Accepted]:
    """Return the entries for what the person accepts, in the order of the differences.

    Args:
        comparison: What was found.
        sides: What was compared.
        dialogue: Asks.
        today: No entry may have expired before.

    """
    found = comparison.open_differences
    entries: list[Accepted] = []
    for number, difference in enumerate(found, 1):
        dialogue.say(f"\n{number} of {len(found)}: {difference.table}")
        for line in difference_lines(difference, sides, dialogue.style):
            dialogue.say(line)
        try:
            entries += _decided(difference, dialogue, today)
        except (EOFError, _Quit):
            break
    return entries


class _Quit(Exception):
    """The person has enough."""


def _decided(difference: Difference, dialogue: Dialogue, today: datetime.date) -> list[Accepted]:
    changes = len(difference.changes)
    choices = {"s": "[s]kip", "q": "[q]uit"}
    if is_row(difference):
        choices = {"a": "[a]ccept these rows", **choices}
    else:
        choices = {"c": "every change of the [c]olumn", **choices}
        if difference.distinct == changes:
            choices = {"a": "[a]ccept this change" if changes == 1 else f"[a]ccept these {changes} changes", **choices}
    answer = ""
    while answer not in choices:
        answer = dialogue.ask(", ".join(choices.values()) + "? ").strip().lower()[:1]
    if answer == "q":
        raise _Quit
    if answer == "s":
        return []
    reason = ""
    while not reason:
        reason = dialogue.ask("Reason, one sentence: ").strip()
    until = _day(dialogue, today)
    return entries_for(difference, reason, until=until, whole_column=answer == "c")


def entries_for(difference: Difference, reason: str, *, until: datetime.date | None = None, whole_column: bool = False) -> list[Accepted]:
    """Return what an accepted list needs so that a difference is accepted: its changes and no others, or every change of its column."""
    if whole_column:
        return [Accepted(reason, difference.table, difference.column, until=until)]
    return [
        Accepted(
            reason,
            difference.table,
            difference.column,
            where=_named(difference.table, change) if is_row(difference) else None,
            before=_exactly(change.before),
            after=_exactly(change.after),
            until=until,
        )
        for change in difference.changes
    ]


def _day(dialogue: Dialogue, today: datetime.date) -> datetime.date | None:
    while True:
        answer = dialogue.ask("Until which day, as in 2027-06-30; Enter is for ever: ").strip()
        if not answer:
            return None
        try:
            day = datetime.date.fromisoformat(answer)
        except ValueError:
            dialogue.say(f"{answer!r} is no day like 2027-06-30.")
            continue
        if day >= today:
            return day
        dialogue.say(f"{answer} is over.")


def _exactly(text: str) -> str:
    """Return what accepts a text, and no other; of a long one, a part is known."""
    shortened = _SHORTENED.fullmatch(text)
    if shortened is not None and (shortened[1] or shortened[3]) and int(shortened[4]) > len(shortened[2]):
        start, part, end, _ = shortened.groups()
        return f"re:{'.*' if start else ''}{_pattern(part)}{'.*' if end else ''}"
    return f"re:{_pattern(text)}" if text.startswith("re:") or not _storable(text) else text


def _pattern(text: str) -> str:
    # No file holds half of a surrogate pair.
    return "".join(re.escape(character) if _storable(character) else "." for character in text)


def _storable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _named(table: str, change: Change) -> dict[str, str]:
    """Return the condition for rows with the name of a change's example, in which digits and ids are masked."""
    (label,) = change.examples[:1] or ("",)
    column = _NAMES.get(table, "name")
    if table in METRIC_TABLES or (not re.search("[#<]", label) and len(label) < _LONGEST_LABEL and _storable(label)):
        return {column: _exactly(label)}
    pattern = re.sub(r"<\w+>", ".*", _pattern(label).replace(r"\#", r"(\d+|#)"))
    return {column: f"re:{pattern}.*" if len(label) >= _LONGEST_LABEL else f"re:{pattern}"}


def append(path: Path, entries: Iterable[Accepted]) -> None:
    """Add entries to an accepted list; what is there stays as it is.

    Args:
        path: A list in TOML, or in JSON where its name ends with ``.json``; it is made where there is none.
        entries: What is added.

    Raises:
        CommandError: It cannot be written; then it is as it was.

    """
    path = Path(os.path.realpath(path))
    try:
        before = path.read_bytes().decode() if path.exists() else ""
    except (OSError, ValueError) as error:
        raise CommandError(2, f"--review: cannot read {str(path)!r}: {error}") from None
    text = _json(before, entries) if path.suffix == ".json" else _toml(before, entries)
    try:
        parse(text, path.name)
    except ValueError as error:
        raise CommandError(
            2, f"--review: cannot add to {str(path)!r}, which is as it was: {error}. Add by hand:\n{''.join(_toml('', entries))}"
        ) from None
    save_output("--review", path, text)


def _json(before: str, entries: Iterable[Accepted]) -> str:
    content = json.loads(before.removeprefix("\ufeff") or "{}")
    added = [{key: str(value) if key == "until" else value for key, value in _fields(entry)} for entry in entries]
    return json.dumps({"accept": [*content.get("accept", []), *added]}, indent=2, ensure_ascii=False) + "\n"


def _toml(before: str, entries: Iterable[Accepted]) -> str:
    newline = "\r\n" if "\r\n" in before else "\n"
    text = before if not before or before.endswith("\n") else before + newline
    for entry in entries:
        lines = ["[[accept]]", *(f"{key} = {_value(value)}" for key, value in _fields(entry)), ""]
        text += (newline if text else "") + newline.join(lines)
    return text


def _fields(entry: Accepted) -> Iterator[tuple[str, object]]:
    for key in ("table", "column", "where", "before", "after", "reason", "until"):
        value = getattr(entry, key)
        if value is not None:
            yield key, value


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else json.dumps(key)
