"""The steps of a service whose differences the guide tells: from the retired SDK, to OpenTelemetry's envelopes, API and instrumentations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import known, known_instrumentations, known_rewrite, known_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .model import Accepted, Difference


@dataclass(frozen=True, slots=True)
class Step:
    """What one step changes on purpose."""

    rows: Sequence[known.Known]
    guide: str
    """Page of the guide that has the rows."""

    def accepted(self) -> tuple[Accepted, ...]:
        """Return what is the step's, and nothing else's."""
        return tuple(entry for row in self.rows for entry in row.accepts)

    def suggested(self, difference: Difference) -> tuple[str, ...]:
        """Return the ids of the rows that may explain a difference."""
        return known.suggested(difference, self.rows)


STEPS: Mapping[str, Step] = {
    "bridge": Step(known.KNOWN, "differences.md"),
    "shape": Step(known_shape.KNOWN_SHAPE, "shape.md"),
    "rewrite": Step(known_rewrite.KNOWN_REWRITE, "rewrite.md"),
    "instrumentations": Step(known_instrumentations.KNOWN_INSTRUMENTATIONS, "instrumentations.md"),
}
"""By the name that ``--accept-known`` has for it."""
