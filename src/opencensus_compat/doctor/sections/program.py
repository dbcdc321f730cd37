"""What the program's files and the variables of its host say about how it is run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Program", "Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that a file of the program has."""

    kind: str
    """Name of what it is, in the table of `collect.program`."""
    file: str
    line: int
    detail: str = ""
    """What stands there, as far as a check asks."""


@dataclass(frozen=True, slots=True)
class Program:
    """The program as its files have it; those of tests are left out."""

    has_opencensus: bool
    """Whether a file of it names OpenCensus, this package or its exporter."""
    uses: tuple[Use, ...]
    hosts: tuple[str, ...]
    """Where it runs, by the variables there: ``lambda``, ``functions``, ``app service``."""
    agent: str
    """What ``ApplicationInsightsAgent_EXTENSION_VERSION`` says."""
    flushes_on_sigterm: bool
    """Whether a variable, or a file of the program, asks for it."""

    def of(self, *kinds: str) -> tuple[Use, ...]:
        """Return the uses of some kinds."""
        return tuple(use for use in self.uses if use.kind in kinds)

    def has(self, *kinds: str) -> bool:
        """Tell whether there is a use of one of some kinds."""
        return any(use.kind in kinds for use in self.uses)
