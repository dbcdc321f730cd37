"""Numbers of releases, and whether a requirement takes one. Pure.

The distribution `packaging` does the same and more, and need not be installed.
"""

from __future__ import annotations

import re

__all__ = ["Requirement", "key", "requirement", "takes"]

_PRE = {"a": 0, "b": 1, "rc": 2, "c": 2}
_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)[-_.]?(?:(a|b|rc|c)[-_.]?(\d*))?[-_.]?(?:post[-_.]?(\d*))?[-_.]?(dev\d*)?", re.IGNORECASE)
_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(?:;(.*))?")
_CLAUSE = re.compile(r"\s*(===|==|~=|!=|<=|>=|<|>)\s*([^\s,]+)\s*")

Key = tuple[tuple[int, ...], int, int, int]


class Requirement:
    """One requirement of a distribution's metadata."""

    __slots__ = ("clauses", "marker", "name")

    def __init__(self, name: str, clauses: str, marker: str) -> None:
        self.name = name
        """Normalized."""
        self.clauses = clauses
        self.marker = marker


def normalized(name: str) -> str:
    """Return the name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(text: str) -> Requirement | None:
    """Return a requirement as its parts; None where it is none."""
    found = _NAME.fullmatch(text)
    return None if found is None else Requirement(normalized(found[1]), found[2].strip(), (found[3] or "").strip())


def key(version: str) -> Key:
    """Return what orders releases; a text that is no number of a release stands before all.

    Args:
        version: Such as ``1.39.1`` or ``0.60b1``; what follows a ``+`` is left out.
    """
    found = _RELEASE.match(version.strip())
    if found is None:
        return ((), 0, 0, 0)
    numbers = tuple(int(part) for part in found[1].split("."))
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers = numbers[:-1]
    stage = _PRE[found[2].lower()] if found[2] else (-1 if found[5] else 3)
    return (numbers, stage, int(found[3] or 0), int(found[4] or 0))


def takes(clauses: str, version: str) -> bool:
    """Tell whether a release fits clauses such as ``>=1.28,<2``; a clause that is not understood takes any.

    A pre-release counts as its release where a clause has a lower or upper end, as the check at the start of this package has it.
    """
    return all(_fits(found[1], found[2], version) for found in _CLAUSE.finditer(clauses))


def _fits(sign: str, wanted: str, version: str) -> bool:
    if wanted.endswith(".*"):
        start = key(wanted.removesuffix(".*"))[0]
        numbers = (*key(version)[0], *[0] * len(start))[: len(start)]
        same = numbers == (*start, *[0] * len(numbers))[: len(numbers)]
        return same if sign == "==" else not same if sign == "!=" else True
    here, there = key(version), key(wanted)
    if sign == "~=":
        parts = wanted.split(".")[:-1]
        return here >= there and _fits("==", ".".join(re.match(r"\d*", part)[0] for part in parts) + ".*", version)  # type: ignore[index] # matches always
    return {
        "===": here == there,
        "==": here == there,
        "!=": here != there,
        "<=": here <= there,
        ">=": here >= there,
        "<": here < there and here[0] != there[0],
        ">": here > there,
    }[sign]
