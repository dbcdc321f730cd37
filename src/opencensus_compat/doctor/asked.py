"""The record that a user asks about by ``--log``: how it is named, and how its way is told. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from opencensus_compat.doctor.checks.records import way_of_asked
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.record_way import Way, level_name
from opencensus_compat.doctor.report import Look, wrapped
from opencensus_compat.doctor.sections.run import Asked

__all__ = ["as_ways", "parse_asked"]


def parse_asked(text: str) -> Asked:
    """Return the record that ``NAME:LEVEL`` names.

    Raises:
        ValueError: The text is none of that form.
    """
    name, colon, level = text.rpartition(":")
    known = logging.getLevelName(level.strip().upper())
    number = int(level) if level.strip().isdecimal() else known
    if not colon or not isinstance(number, int) or number <= 0:
        raise ValueError(f"--log: expected NAME:LEVEL, the name of a logger and a level, such as shop.orders:INFO or root:30; got {text!r}")
    name = name.strip()
    return Asked("" if name == "root" else name, number)


def as_ways(several: Iterable[Facts], look: Look) -> str:
    """Return the way of the record that was asked for, in each process in which it is another one; empty where none was asked for."""
    ways: dict[Way, list[str]] = {}
    asked: Asked | None = None
    for facts in several:
        way = way_of_asked(facts)
        if way is None or isinstance(facts.wiring, Absent) or isinstance(facts.run, Absent):
            continue
        asked = facts.run.asked
        ways.setdefault(way, []).append(f"process {facts.wiring.pid}")
    if asked is None:
        return ""
    lines: list[str] = []
    for way, processes in ways.items():
        among = f", in {' and '.join(processes)}" if len(ways) > 1 else ""
        lines.append(f"The way of {asked.logger or 'root'}:{level_name(asked.level)}{among}")
        lines += [line for step in way.steps for line in wrapped("  - ", f"{step}.", "    ", look)]
        if way.stop is not None:
            lines += wrapped("  - ", f"It stops here: {way.stop.text} ({way.stop.check}).", "    ", look)
        lines.append("")
    return "\n".join([*lines, ""])
