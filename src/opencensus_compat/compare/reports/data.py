"""A comparison as JSON.

One document: ``{"verdict", "before", "after", "twins", "tables", "differences", "volatile", "notCompared", "problems", "unused", "expired"}``; the
fields of the entries are those of the classes in ``model``, in camel case. ``migration_guide/compare.md`` lists them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..model import Accepted, Comparison, Difference
    from .sides import Sides


def as_json(comparison: Comparison, sides: Sides) -> str:
    """Return the document, with a line for each entry's field, so that two of them can be compared."""
    document = {
        "verdict": comparison.verdict,
        "before": sides.before,
        "after": sides.after,
        "twins": comparison.twins,
        "tables": [_fields(entry) for entry in comparison.tables],
        "differences": [_difference(entry, sides) for entry in comparison.differences],
        "volatile": [_fields(entry) for entry in comparison.volatile],
        "notCompared": [_fields(entry) for entry in comparison.not_compared],
        "problems": [_fields(entry) for entry in comparison.problems],
        "unused": [_accepted(entry) for entry in comparison.unused],
        "expired": [_accepted(entry) for entry in comparison.expired],
    }
    return json.dumps(document, indent=2)


def _difference(difference: Difference, sides: Sides) -> dict[str, Any]:
    accepted = difference.accepted
    return {
        **_fields(difference),
        "shown": difference.shown,
        "accepted": None if accepted is None else _accepted(accepted),
        "suggested": sides.suggested(difference),
    }


def _accepted(entry: Accepted) -> dict[str, Any]:
    fields = {**_fields(entry), "until": None if entry.until is None else entry.until.isoformat()}
    del fields["onlyIf"]  # a function
    return fields


def _fields(entry: Any) -> dict[str, Any]:  # any dataclass of `model`
    return {_camel(name): value for name, value in asdict(entry).items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))
