"""What the environment variables say."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings", "Variable"]


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that is set."""

    name: str
    value: str
    """Without spaces and quotes around it, and masked."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The variables of telemetry, and what this package and OpenTelemetry make of them."""

    variables: tuple[Variable, ...]
    unread: str = ""
    """Why the next three say nothing: this package cannot be imported."""
    without_effect: tuple[str, ...] = ()
    """Sentences about variables of this package that are misspelt, or have a word that means nothing."""
    refused: tuple[str, ...] = ()
    """Sentences about values that raise where an exporter is made."""
    set_aside: tuple[str, ...] = ()
    """Sentences about values that OpenTelemetry refuses, so that this package removes them."""
    samplers: tuple[str, ...] = ()
    """Names that ``OTEL_TRACES_SAMPLER`` may have, as far as distributions bring them."""

    def value(self, name: str) -> str:
        """Return what a variable says; an empty text if nothing."""
        return next((each.value for each in self.variables if each.name == name), "")
