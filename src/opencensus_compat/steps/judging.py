"""What the runs of a service before and after a step show; the names of recordings are those of the runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opencensus_compat.compare import compare
from opencensus_compat.compare.programs import one_port
from opencensus_compat.compare.progress import doing

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence

    from opencensus_compat.compare import Accepted, Comparison, LineMap


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program."""

    recording: str
    port: int | None
    """Of a server."""
    name: str
    """For messages: ``the program before``."""


def judged(
    before: Run,
    after: Run,
    twins: Sequence[Run] = (),
    *,
    accepted: Iterable[Accepted] = (),
    known: Iterable[Accepted] = (),
    replacements: Iterable[tuple[re.Pattern[str], str]] = (),
    lines: LineMap | None = None,
) -> Comparison:
    """Return what differs between two runs; the arguments are those of `compare`."""
    runs = [before, *twins, after]
    with doing("comparing") as say:
        found = compare(
            before.recording,
            after.recording,
            twins=[twin.recording for twin in twins],
            accepted=accepted,
            known=known,
            replacements=[*replacements, *one_port(run.port for run in runs)],
            lines=lines,
            progress=say,
        )
    names = {repr(run.recording): run.name for run in reversed(runs)}
    return replace(found, problems=tuple(replace(problem, text=_named(problem.text, names)) for problem in found.problems))


def _named(text: str, names: dict[str, str]) -> str:
    for recording, name in names.items():
        text = text.replace(recording, name)
    return text
