"""Runs the program in the copy of its folder, and reads what its interpreters noted there."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from opencensus_compat.compare.programs import Command, Conditions, Driving, NotComparable, record

from . import inside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .tree import Copy

ENVELOPES_VARIABLE = "OPENCENSUS_COMPAT_ENVELOPES"
"""The shape of the telemetry: code is rewritten after its telemetry has OpenTelemetry's shape."""
_PATHS = ("PYTHONPATH", "PWD")
"""Variables in which paths of the original are replaced by those of the copy."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is run."""

    command: Command
    driving: Driving | None = None
    limit_s: float | None = None

    @property
    def shape_is_set_here(self) -> bool:
        """Whether the run sets OpenTelemetry's shape, since neither the environment nor the command does."""
        return ENVELOPES_VARIABLE not in os.environ and ENVELOPES_VARIABLE not in self.command.variables


@dataclass(frozen=True, slots=True)
class Seen:
    """What of the edited files ran."""

    lines: Mapping[str, frozenset[int]]
    """Path below the root -> lines that ran, of the copy."""
    read: frozenset[str]
    """Other files that were opened."""
    originals: frozenset[str]
    """Files of the original that ran in place of the copy."""
    started: bool
    """Whether an interpreter noted anything: one that ignores its environment does not."""


class Runner:
    """Runs the program in the copy."""

    def __init__(self, program: Program, copy: Copy, folder: Path) -> None:
        """Prepare the runs.

        Args:
            program: What is run.
            copy: Where.
            folder: For recordings and notes.

        """
        self._copy = copy
        self._folder = folder
        self._hook = folder / "start"
        self._hook.mkdir()
        shutil.copyfile(inside.__file__, self._hook / "sitecustomize.py")
        variables = self._variables(program)
        self._command = replace(program.command, words=self._words(program.command), variables=variables)
        self._driving = program.driving
        if program.driving is not None:
            drive = program.driving.command
            own = {**self._paths(drive.variables), **drive.variables}
            self._driving = replace(program.driving, command=replace(drive, words=self._words(drive), variables=own))
        here = copy.folder / os.path.relpath(Path.cwd().resolve(), copy.root)
        self._conditions = Conditions(here, program.limit_s)

    def run(self, name: str, texts: Mapping[str, bytes], watched: Sequence[str] = ()) -> tuple[str, int | None]:
        """Run the program with some files changed, and return its recording, and the port that a server listened on.

        Args:
            name: Of the recording.
            texts: Path below the root -> what its file has.
            watched: Paths of which is noted what runs.

        Raises:
            NotComparable: The program cannot be started, fails, sends nothing, or takes too long.

        """
        self._copy.put(texts)
        self._conditions.folder.mkdir(parents=True, exist_ok=True) if self._conditions.folder else None
        notes = self._folder / "notes"
        notes.write_text("", encoding="utf-8")
        orders = {
            "root": str(self._copy.root),
            "copy": str(self._copy.folder),
            "watched": list(watched),
            "notes": str(notes) if watched else None,
        }
        (self._folder / "orders").write_text(json.dumps(orders), encoding="utf-8")
        recording = self._folder / f"{name}.db"
        try:
            port = record(self._command, recording, self._driving, self._conditions)
        except NotComparable as failure:
            # The copy is gone when the message is read.
            raise NotComparable(str(failure).replace(str(self._copy.folder), str(self._copy.root))) from None
        return str(recording), port

    def seen(self) -> Seen:
        """Return what the interpreters of the last run noted."""
        lines: dict[str, set[int]] = defaultdict(set)
        read, originals, started = set(), set(), False
        for text in (self._folder / "notes").read_text(encoding="utf-8").splitlines():
            kind, *fact = json.loads(text)
            started = True
            if kind == "start":
                continue
            path = os.path.relpath(fact[0], self._copy.folder)
            if path.startswith(os.pardir):
                originals.add(os.path.relpath(fact[0], self._copy.root))
            elif kind == "line":
                lines[path].add(fact[1])
            else:
                read.add(path)
        return Seen({path: frozenset(found) for path, found in lines.items()}, frozenset(read), frozenset(originals), started)

    def _words(self, command: Command) -> tuple[str, ...]:
        """Return the words with paths of the original as those of the copy; what is only in the original stays there."""
        first, *rest = command.words
        if os.sep in first:
            first = self._copy.inside(first) or os.path.abspath(first)
        return (first, *(self._copy.inside(word) or word if os.path.isabs(word) else word for word in rest))

    def _variables(self, program: Program) -> dict[str, str]:
        given = program.command.variables
        changed = {**self._paths({**os.environ, **given}), inside.VARIABLE: str(self._folder / "orders")}
        if program.shape_is_set_here:
            changed[ENVELOPES_VARIABLE] = "otel"
        path = changed.get("PYTHONPATH", "")
        changed["PYTHONPATH"] = os.pathsep.join([str(self._hook), *filter(None, [path])])
        return {**given, **changed}

    def _paths(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the variables in which paths are replaced."""
        found = {}
        for name in _PATHS:
            if environment.get(name):
                parts = environment[name].split(os.pathsep)
                found[name] = os.pathsep.join(self._copy.inside(part) or part if part else part for part in parts)
        return found
