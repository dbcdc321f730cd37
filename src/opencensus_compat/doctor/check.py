"""Checks: each a pure function of facts with an id, and what came of running them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import TypeVar

from opencensus_compat.doctor.facts import Absent, Facts

__all__ = [
    "OK",
    "PROBLEM",
    "SKIPPED",
    "UNCHECKED",
    "WARNING",
    "Check",
    "CouldNotCheck",
    "Finding",
    "Result",
    "Verdict",
    "all_checks",
    "check",
    "merged",
    "need",
    "run_checks",
]

_Section = TypeVar("_Section")


class Verdict(Enum):
    """What a check says, from good to bad."""

    OK = "ok"
    SKIPPED = "skipped"
    """There was nothing to look at, or it was not wanted."""
    UNCHECKED = "could not check"
    """The check failed, or what it looks at could not be read."""
    WARNING = "warning"
    PROBLEM = "problem"


OK, SKIPPED, UNCHECKED, WARNING, PROBLEM = Verdict
_WORST_FIRST = tuple(reversed(Verdict))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found."""

    verdict: Verdict
    """PROBLEM, WARNING or SKIPPED; a check that finds nothing is OK."""
    text: str
    """One sentence: subject, verb, names and values; never a secret."""
    step: str = ""
    """The next step: a command, a setting, a line of code."""
    evidence: tuple[str, ...] = ()
    """What it was seen by, a line each."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check."""

    id: str
    group: str
    title: str
    """What is looked at, in a few words."""
    find: Callable[[Facts], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check."""

    check: Check
    findings: tuple[Finding, ...] = ()
    failure: str = ""
    """Why the check said nothing; empty where it did."""

    @property
    def verdict(self) -> Verdict:
        """The worst of its findings."""
        found = {finding.verdict for finding in self.findings} | ({UNCHECKED} if self.failure else set())
        return next((verdict for verdict in _WORST_FIRST if verdict in found), OK)


class CouldNotCheck(Exception):
    """Ends a check: what it looks at is not there; the text says why."""


_CHECKS: dict[str, Check] = {}


def check(id: str, *, group: str, title: str) -> Callable[[Callable[[Facts], Iterator[Finding]]], Callable[[Facts], Iterator[Finding]]]:
    """Return a decorator that adds a function to the checks.

    Args:
        id: ``D`` and three digits, once among all checks.
        group: Name of the section that it looks at.
        title: What is looked at, in a few words.
    """

    def add(find: Callable[[Facts], Iterator[Finding]]) -> Callable[[Facts], Iterator[Finding]]:
        if id in _CHECKS and _CHECKS[id].find.__qualname__ != find.__qualname__:
            raise ValueError(f"expected one check {id}, got {_CHECKS[id].find.__qualname__} and {find.__qualname__}")
        _CHECKS[id] = Check(id, group, title, find)
        return find

    return add


def need(section: _Section | Absent) -> _Section:
    """Return a section that a check cannot do without.

    Raises:
        CouldNotCheck: It is not there.
    """
    if isinstance(section, Absent):
        raise CouldNotCheck(section.absent_because)
    return section


def all_checks() -> tuple[Check, ...]:
    """Return all checks, in the order of their ids."""
    from opencensus_compat.doctor.checks import MODULES

    for name in MODULES:
        import_module(f"opencensus_compat.doctor.checks.{name}")
    return tuple(_CHECKS[id] for id in sorted(_CHECKS))


def run_checks(facts: Facts, checks: Iterable[Check] | None = None) -> tuple[Result, ...]:
    """Return what each check says of the facts; one that raises is a result, too.

    Args:
        facts: What is known.
        checks: Those to run; None runs all.
    """
    return tuple(_result(each, facts) for each in (all_checks() if checks is None else checks))


def merged(several: Sequence[Sequence[Result]]) -> tuple[Result, ...]:
    """Return what each check says of several processes of one program: each thing once; skipped only where all of them have nothing to look at.

    Args:
        several: The results of each process.
    """
    return tuple(_merged(results) for results in zip(*several, strict=True))


def _merged(results: Sequence[Result]) -> Result:
    findings = {(each.verdict, each.text): each for result in reversed(results) for each in reversed(result.findings)}
    told = [each for each in reversed(findings.values()) if each.verdict is not SKIPPED]
    is_skipped = all(result.verdict is SKIPPED for result in results)
    failure = next((result.failure for result in results if result.failure), "")
    return Result(results[0].check, tuple(reversed(findings.values())) if is_skipped else tuple(told), failure)


def _result(each: Check, facts: Facts) -> Result:
    findings: list[Finding] = []
    failure = ""
    try:
        findings.extend(each.find(facts))
    except CouldNotCheck as problem:
        failure = str(problem)
    except Exception as error:  # noqa: BLE001 -- one check that fails must not hide what the others say
        failure = f"The check failed: {type(error).__name__}: {error}"
    return Result(each, tuple(findings), failure)
