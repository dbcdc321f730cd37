"""The facade in OpenTelemetry's shape sends what OpenTelemetry code sends: pairs of programs, before and after a rewrite, compared."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from opencensus_compat.compare import Accepted, compare
from opencensus_compat.compare.accepted import parse_toml_subset
from opencensus_compat.compare.known_shape import accepted as shape_accepted
from opencensus_compat.compare.lines import LineMap
from opencensus_compat.compare.recordings import Recording
from opencensus_compat.local.tables import TABLES
from opencensus_compat.scan.rules import RULES

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

HERE = Path(__file__).parent
PROGRAMS = {path.name.removesuffix(".py"): path for path in (HERE / "programs").iterdir()}
"""By name and side: files, or folders with `app.py`."""
PAIRS = sorted(name.removesuffix(".before") for name in PROGRAMS if name.endswith(".before"))
ACCEPTED = parse_toml_subset((HERE / "accept.toml").read_text(encoding="utf-8")).get("accept", [])


def _lines(name: str, service: Path) -> LineMap:
    """Return where the lines of a pair's files went, which are run in the same folder."""
    before, after = PROGRAMS[f"{name}.before"], PROGRAMS[f"{name}.after"]
    files = [(before, after, "app.py")]
    if before.is_dir():
        relative = [path.relative_to(before) for path in before.rglob("*.py")]
        files = [(before / path, after / path, str(path)) for path in relative if (after / path).exists()]
    lines = LineMap()
    for one, other, path in files:
        lines.add(str(service / path), one.read_text(encoding="utf-8"), other.read_text(encoding="utf-8"))
    return lines


def _accepted(name: str) -> list[Accepted]:
    """Return what is accepted of a pair; an entry names pairs, with spaces between them."""
    return [
        Accepted(**{key: value for key, value in entry.items() if key != "pair"}, source=f"accept.toml, entry {number}")
        for number, entry in enumerate(ACCEPTED, 1)
        if any(fnmatchcase(name, pattern) for pattern in entry["pair"].split())
    ]


def _holds_where_it_arrives(name: str, recorded: Path) -> None:
    """The rules that name a pair say where its items arrive: one of their tables has rows, and values in a column that is named."""
    with Recording(recorded) as recording:
        filled = {
            table: {
                part
                for item in recording.items(table)
                for column, value in item.cells.items()
                if value is not None
                for part in (column, column.partition(".")[0])
            }
            for table in TABLES
        }
    filled["all"] = set().union(*filled.values())
    for rule in RULES:
        if name in rule.pair.split() and rule.arrives:
            assert [place for place in rule.places() if filled[place[0]].intersection(place[1] or filled[place[0]])], rule.id


@pytest.mark.parametrize("name", PAIRS)
def test_nothing_changes(name, record, service):
    """Of both programs the same arrives, but for what `accept.toml` says, with reasons, and all of that is needed."""
    before = record(PROGRAMS[f"{name}.before"])
    after = record(PROGRAMS[f"{name}.after"])
    options = {"accepted": _accepted(name), "lines": _lines(name, service)}
    found = compare(before, after, **options)
    if found.verdict == "different":
        # Ids that a program makes differ from run to run.
        twin = record(PROGRAMS[f"{name}.before"])
        found = compare(before, after, twins=[twin], **options)
    _holds_where_it_arrives(name, after)
    assert not found.problems
    assert not [f"{lost.table}.{lost.column}: {lost.changes[0]}" for lost in found.open_differences]
    assert not found.unused


def test_each_pair_is_whole():
    """Each program has its counterpart, and each entry of the list a pair."""
    assert set(PROGRAMS) == {f"{name}.{side}" for name in PAIRS for side in ("before", "after")}
    patterns = [pattern for entry in ACCEPTED for pattern in entry["pair"].split()]
    assert [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in PAIRS)] == []


_MOVED = {
    "T025_status": {"type", "result-code", "status-description", "machine"},
    "T026_annotation": {"type", "annotations", "machine"},
    "L001_handler": {"source", "logger", "module-process-level", "text", "exception-text", "machine"},
}
"""Pairs, and the ids of the rows of `shape.md` that a reader sees when the module moves before the shape does."""


@pytest.mark.parametrize("name", _MOVED)
def test_a_module_that_moves_before_the_shape(name, record, service):
    """What a module changes that moves first is in the page about the shape, and nothing else."""
    before = record(PROGRAMS[f"{name}.before"], OPENCENSUS_COMPAT_ENVELOPES="legacy")
    found = compare(
        before, record(PROGRAMS[f"{name}.after"]), accepted=_accepted(name), known=shape_accepted(), lines=_lines(name, service)
    )
    assert not found.problems
    assert not [f"{lost.table}.{lost.column}: {lost.changes[0]}" for lost in found.open_differences]
    assert {difference.accepted.known for difference in found.differences} == _MOVED[name]
