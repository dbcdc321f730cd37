"""A comparison as JUnit XML, which systems of continuous integration show.

A test case for each table without a difference, and for each difference: a failure, or skipped where it is accepted. A problem is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from opencensus_compat.local.render import clean

from .sides import by_line, code_line, conclusion, extent, is_row, only, origin

if TYPE_CHECKING:
    from ..model import Comparison, Difference
    from .sides import Sides

_SUITE = "census-compat compare"


def as_junit(comparison: Comparison, sides: Sides) -> str:
    """Return the XML document."""
    suite = ElementTree.Element("testsuite", name=_SUITE)
    for problem in comparison.problems:
        ElementTree.SubElement(_case(suite, "comparison", problem.kind), "error", message=by_line(problem.text))
    differing = {difference.table for difference in comparison.differences}
    for table in comparison.tables:
        if table.table not in differing:
            _case(suite, table.table, f"{table.before} to {table.after}")
    for difference in comparison.differences:
        case = _case(suite, difference.table, clean(difference.column))
        known = sides.suggested(difference)
        text = "\n".join([*_lines(difference), *([f"perhaps known: {', '.join(known)}"] if known else [])])
        if difference.accepted is None:
            ElementTree.SubElement(case, "failure", message=_message(difference)).text = text
        else:
            ElementTree.SubElement(case, "skipped", message=clean(f"{difference.accepted.reason} [{origin(difference.accepted)}]"))
    totals = {"tests": len(suite), **{f"{kind}s": len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error")}}
    totals["skipped"] = len(suite.findall("testcase/skipped"))
    for name, count in totals.items():
        suite.set(name, str(count))
    said = f"before: {clean(sides.before)}\nafter: {clean(sides.after)}\n{conclusion(comparison)}"
    ElementTree.SubElement(suite, "system-out").text = said
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")


def _case(suite: ElementTree.Element, table: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=f"compare.{table}", name=name)


def _message(difference: Difference) -> str:
    note = f" ({clean(difference.note)})" if difference.note else ""
    return f"{clean(difference.column)}: {extent(difference)}{note}"


def _lines(difference: Difference) -> list[str]:
    return [
        f"{only(change) if is_row(difference) else f'{clean(change.before)} → {clean(change.after)}'}: {change.count}, "
        + ", ".join([f"as in {', '.join(map(clean, change.examples))}", *(f"at {code_line(code, '→')}" for code in change.code)])
        for change in difference.changes
    ]
