"""What `inside` calls in a program: all facts that the program's own process shows, and their text."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from opencensus_compat.doctor.collect import SECTIONS, gather, wiring
from opencensus_compat.doctor.facts import Facts, to_json
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.wiring import Wiring

__all__ = ["SEEN_INSIDE", "as_text", "collect", "collect_again"]

SEEN_INSIDE = ("imports", "versions", "double")
"""Sections that a process shows of itself, where there are such; the command collects the others, about files and the network, itself."""


def collect() -> Facts:
    """Return all facts that are to be had in this process."""
    # First what the program has loaded: other collectors load more.
    return gather(_request(), ["wiring", *(name for name in SECTIONS if name in SEEN_INSIDE)])


def collect_again(facts: Facts) -> Facts:
    """Return the facts with what the end of the process has changed."""
    if not isinstance(facts.wiring, Wiring):
        return facts
    return replace(facts, wiring=wiring.collect_again(facts.wiring, _request()))


def as_text(facts: Facts) -> str:
    """Return the facts as they leave the process."""
    return to_json(facts)


def _request() -> Request:
    # Without a folder: to read the program's files at its end is not for each of its processes to do.
    return Request(environ=dict(os.environ), folder="", path=tuple(sys.path), inside=True)
