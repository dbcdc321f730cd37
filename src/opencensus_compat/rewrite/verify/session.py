"""A verification: the program as it is, twice, then with all edits, then, where that makes a difference, with some of them."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from opencensus_compat.compare import LineMap
from opencensus_compat.compare.programs import NotComparable
from opencensus_compat.compare.progress import doing
from opencensus_compat.scan import notebooks
from opencensus_compat.scan.project import masked
from opencensus_compat.steps.judging import Run, judged
from opencensus_compat.steps.log import commit_of, hash_of

from .account import Account, Circumstances
from .proving import Outcome, covered, prove
from .running import Runner
from .statements import Statements
from .tree import Copy, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from opencensus_compat.compare import Accepted, Comparison

    from .proving import Edit, Place
    from .running import Program, Seen


class Plan(Protocol):
    """What may be rewritten."""

    @property
    def edits(self) -> Sequence[Edit]:
        """All of them."""

    def texts(self, edits: Sequence[Edit]) -> Mapping[str, tuple[bytes, bytes]]:
        """Return path -> bytes of the file before, and with some edits; only of files that change."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the program is verified."""

    program: Program
    accepted: Sequence[Accepted] = ()
    also: Sequence[str] = ()
    """Paths that are copied though git ignores them."""
    keep: Path | None = None
    """Folder for the recordings."""
    only_proven: bool = False
    """Whether only edits that ran are to be written, so that the program must run with these alone."""
    known: Sequence[Accepted] = ()
    """What is known to differ, of which nobody asks whether it is needed."""


def verify(plan: Plan, options: Options) -> Account:
    """Return which edits are proven by the program's telemetry, which are not, and which change it.

    Raises:
        NotComparable: The unchanged program fails, sends nothing, is not the same twice, or runs other files than those of the copy.
        CommandError: The folder cannot be copied.

    """
    root = root_of(list(plan.texts(plan.edits)))
    # The system's folder may be behind a link, and modules name their files without it.
    with tempfile.TemporaryDirectory(prefix="census-compat-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        copy = Copy(root, folder / root.name)
        with doing("copying the folder") as say:
            copy.fill(options.also, say)
        session = _Session(plan, options, copy, folder)
        return session.account()


class _Session:
    def __init__(self, plan: Plan, options: Options, copy: Copy, folder: Path) -> None:
        self._plan = plan
        self._options = options
        self._copy = copy
        self._runner = Runner(options.program, copy, folder)
        self._runs = 0
        self._began = time.monotonic()
        self._before: Run | None = None
        self._twin: Run | None = None
        self._recordings: dict[frozenset[Hashable], str] = {}
        """Of runs that were equal, by the edits."""
        self._all = self._texts(plan.edits)

    def account(self) -> Account:
        """Run everything."""
        edits = self._plan.edits
        watched = sorted({self._below(place.path) for edit in edits for place in edit.parts})
        self._before = self._run("before", {}, "as it is", watched)
        seen = self._runner.seen()
        self._check_files(seen)
        # What fails with all edits is said after one more run, not after two.
        first = self._tried(edits)
        self._twin = self._run("twin", {}, "as it is, once more")
        self._check_twins()
        outcomes = [first]
        verdict = prove(edits, lambda some: self._judged(outcomes.pop() if outcomes else self._tried(some), some))
        coverage = covered(verdict.good, _reasons(seen, self._texts_before(), self._below))
        chosen: Sequence[Edit] = verdict.good
        if self._options.only_proven and coverage.unproven:
            chosen = coverage.whole
            if chosen and (outcome := self._judged(self._tried(chosen), chosen)).result != "equal":
                raise NotComparable(
                    f"the proven edits make a difference without the others, which did not run: {outcome.message or 'the telemetry differs'}. "
                    f"Write all of them, or let the program run the others, too"
                )
        return Account(
            circumstances=_circumstances(self._options.program, self._copy.root),
            edits=tuple(edits),
            verdict=verdict,
            coverage=coverage,
            chosen=tuple(chosen),
            runs=self._runs,
            seconds=time.monotonic() - self._began,
            recordings=self._kept(tuple(chosen)),
        )

    def _run(self, name: str, texts: Mapping[str, bytes], what: str, watched: Sequence[str] = ()) -> Run:
        self._runs += 1
        with doing(f"run {self._runs}: the program {what}"):
            return Run(*self._runner.run(name, texts, watched), f"the program {what}")

    def _tried(self, edits: Sequence[Edit]) -> Run | str:
        """Run the program with some edits; return how it failed, where it did."""
        texts = {path: after for path, (_, after) in self._texts(edits).items()}
        name = f"after-{self._runs}"
        try:
            return self._run(name, texts, f"with {len(edits)} edit{'' if len(edits) == 1 else 's'}")
        except NotComparable as failure:
            return str(failure)

    def _judged(self, run: Run | str, edits: Sequence[Edit]) -> Outcome:
        if isinstance(run, str):
            return Outcome("failed", message=run)
        comparison = self._compared(run, edits)
        if comparison.problems:
            return Outcome("failed", message=comparison.problems[0].text)
        if comparison.verdict == "equal":
            self._recordings[_keys(edits)] = run.recording
            return Outcome("equal", comparison)
        return Outcome("different", comparison)

    def _compared(self, run: Run, edits: Sequence[Edit] = ()) -> Comparison:
        assert self._before is not None
        lines = LineMap()
        for path, (before, after) in self._texts(edits).items():
            lines.add(path, before.decode(errors="replace"), after.decode(errors="replace"))
        here = (re.compile(re.escape(str(self._copy.folder))), str(self._copy.root).replace("\\", r"\\"))
        twins = [self._twin] if self._twin is not None else []
        return judged(
            self._before, run, twins, accepted=self._options.accepted, known=self._options.known, replacements=[here], lines=lines
        )

    def _check_twins(self) -> None:
        assert self._twin is not None
        found = self._compared(self._twin)
        if found.problems:
            raise NotComparable(found.problems[0].text)

    def _check_files(self, seen: Seen) -> None:
        odd = sorted(path for path in seen.originals if path not in seen.lines and path not in seen.read)
        if odd:
            raise NotComparable(
                f"the program ran {odd[0]} of {str(self._copy.root)!r}, and not the copy of it that would be edited, so that its runs prove nothing. "
                f"Name files in the command by paths from the current folder, and let the program put no absolute path on sys.path"
            )

    def _texts(self, edits: Sequence[Edit]) -> dict[str, tuple[bytes, bytes]]:
        return {self._below(path): texts for path, texts in self._plan.texts(edits).items()} if edits else {}

    def _texts_before(self) -> dict[str, bytes]:
        return {path: before for path, (before, _) in self._all.items()}

    def _below(self, path: str) -> str:
        return os.path.relpath(os.path.realpath(path), self._copy.root)

    def _kept(self, chosen: Sequence[Edit]) -> dict[str, str]:
        """Keep the recordings where that is wanted, and return their hashes."""
        assert self._before is not None
        assert self._twin is not None
        found = {"before": self._before.recording, "twin": self._twin.recording}
        if _keys(chosen) in self._recordings:
            found["after"] = self._recordings[_keys(chosen)]
        hashes = {}
        for name, path in found.items():
            hashes[name] = hash_of(path)
            if self._options.keep is not None:
                shutil.copyfile(path, self._options.keep / f"{name}.db")
        return hashes


def _keys(edits: Sequence[Edit]) -> frozenset[Hashable]:
    return frozenset(edit.key for edit in edits)


def _reasons(seen: Seen, texts: Mapping[str, bytes], below: Callable[[str], str]) -> Callable[[Place], str]:
    """Return what says why a place counts as one that did not run; nothing where it ran."""
    statements = {path: Statements(text) for path, text in texts.items() if path.endswith(".py")}

    def why_not(place: Place) -> str:
        path = below(place.path)
        if not seen.started:
            return "no interpreter of the program noted what it ran: it ignores PYTHONPATH, or is no Python"
        if path.endswith(notebooks.SUFFIX):
            return "which cells of a notebook ran cannot be seen"
        if path not in statements:
            return "" if path in seen.read else "the program did not read the file"
        ran = seen.lines.get(path, frozenset())
        if ran.isdisjoint(statements[path].around(place.line)):
            return "the line did not run" if ran else "the file did not run"
        return ""

    return why_not


def _circumstances(program: Program, root: Path) -> Circumstances:
    commit, has_changes = commit_of(root)
    return Circumstances(
        command=masked(program.command.text),
        drive="" if program.driving is None else masked(program.driving.command.text),
        commit=commit,
        has_changes=has_changes,
        sets_shape=program.shape_is_set_here,
    )
