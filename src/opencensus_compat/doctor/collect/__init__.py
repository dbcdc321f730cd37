"""The collectors, a module for each section, with ``collect(request)``: they do all input and output, and write nothing.

They import nothing but the standard library as they load; what may be broken is imported where it is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.masking import masked, secrets_of
from opencensus_compat.doctor.request import Request

__all__ = ["INSIDE", "SECTIONS", "gather"]

INSIDE = ("wiring", "run")
"""Sections that only a run of the program shows: the first one has a module here for the program itself, the other one is the command's."""
SECTIONS = tuple(name for name in Facts.__dataclass_fields__ if name not in INSIDE)
"""The modules of this folder, each of which is also a field of the facts."""


def gather(request: Request, sections: Iterable[str] = SECTIONS) -> Facts:
    """Return the facts; a collector that raises leaves the reason in place of its section.

    Args:
        request: What is to be looked at.
        sections: Names of those that are wanted.
    """
    found: dict[str, Any] = {}
    for name in sections:
        try:
            found[name] = import_module(f"{__name__}.{name}").collect(request)
        except Exception as error:  # noqa: BLE001 -- what is broken is what is looked for
            text = masked(f"{type(error).__name__}: {error}", secrets_of(request.environ))
            found[name] = Absent(f"The facts about it could not be collected: {text}")
    return Facts(**found)
