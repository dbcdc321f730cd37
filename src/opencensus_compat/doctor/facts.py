"""What was found out about a program's environment: a section for each subject, or why there is none; to text, and back.

The text is how facts that were collected inside a program leave its process.
"""

from __future__ import annotations

import json
import types
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from opencensus_compat.doctor.sections.counts import Counts
from opencensus_compat.doctor.sections.imports import Imports
from opencensus_compat.doctor.sections.network import Network
from opencensus_compat.doctor.sections.program import Program
from opencensus_compat.doctor.sections.run import Run
from opencensus_compat.doctor.sections.settings import Settings
from opencensus_compat.doctor.sections.storage import Storage
from opencensus_compat.doctor.sections.versions import Versions
from opencensus_compat.doctor.sections.wiring import Wiring

__all__ = ["Absent", "Facts", "from_json", "to_json"]


@dataclass(frozen=True, slots=True)
class Absent:
    """A section that is not there."""

    absent_because: str
    """One sentence."""


_NOT_COLLECTED = Absent("It was not collected.")
_NOT_RUN = Absent("Only the running program shows it: census-compat doctor -- python app.py")


@dataclass(frozen=True, slots=True)
class Facts:
    """All sections."""

    imports: Imports | Absent = _NOT_COLLECTED
    versions: Versions | Absent = _NOT_COLLECTED
    program: Program | Absent = _NOT_COLLECTED
    settings: Settings | Absent = _NOT_COLLECTED
    network: Network | Absent = _NOT_COLLECTED
    storage: Storage | Absent = _NOT_COLLECTED
    counts: Counts | Absent = _NOT_COLLECTED
    wiring: Wiring | Absent = _NOT_RUN
    run: Run | Absent = _NOT_RUN


def to_json(facts: Facts) -> str:
    """Return facts as JSON of one line."""
    return json.dumps(_plain(facts), ensure_ascii=True, separators=(",", ":"))


def from_json(text: str) -> Facts:
    """Return the facts that were made to JSON.

    Raises:
        ValueError: The text is none that `to_json` made.
    """
    facts = _typed(json.loads(text), Facts, "facts")
    assert isinstance(facts, Facts)
    return facts


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"facts hold texts, numbers, truth values, None, tuples and dataclasses, not {type(value).__name__}")


def _typed(value: Any, wanted: Any, place: str) -> Any:
    """Return a value of JSON as one of a type.

    Args:
        value: As JSON has it.
        wanted: The type.
        place: Where it stands, for the error.
    """
    if get_origin(wanted) in (Union, types.UnionType):
        return _one_of(value, get_args(wanted), place)
    if get_origin(wanted) is tuple:
        return _items(value, get_args(wanted), place)
    if is_dataclass(wanted) and isinstance(wanted, type):
        hints = get_type_hints(wanted)
        if not isinstance(value, dict) or value.keys() != hints.keys():
            raise ValueError(f"{place}: expected an object with {', '.join(hints)}")
        return wanted(**{name: _typed(value[name], hint, f"{place}.{name}") for name, hint in hints.items()})
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise ValueError(f"{place}: expected {getattr(wanted, '__name__', wanted)}, got {type(value).__name__}")
    return value


def _one_of(value: Any, types_: tuple[Any, ...], place: str) -> Any:
    problems = []
    for each in types_:
        try:
            return _typed(value, each, place)
        except ValueError as problem:
            problems.append(str(problem))
    raise ValueError("; or ".join(problems))


def _items(value: Any, types_: tuple[Any, ...], place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{place}: expected a list, got {type(value).__name__}")
    if types_[1:] == (...,):
        types_ = (types_[0],) * len(value)
    if len(types_) != len(value):
        raise ValueError(f"{place}: expected {len(types_)} items, got {len(value)}")
    return tuple(_typed(each, type_, f"{place}[{number}]") for number, (each, type_) in enumerate(zip(value, types_, strict=True)))
