"""The rounds of a run: what can change changes, and what has changed is read anew, until nothing is left that can change."""

from __future__ import annotations

import ast
import os
from collections import defaultdict
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import alone, files, finishing, frameworks, imports, markers
from opencensus_compat.rewrite.context import Ask, File, Keep, Refused
from opencensus_compat.rewrite.edits import Change, Edit, Need, Origins, Part, Where, apply, conflict, shown_place, without_what_goes
from opencensus_compat.rewrite.flows import Cut, Flows
from opencensus_compat.rewrite.following.groups import Key, shown
from opencensus_compat.rewrite.following.index import Files
from opencensus_compat.rewrite.following.programs import Surroundings, View, handed_over, programs
from opencensus_compat.rewrite.model import Left, Why
from opencensus_compat.rewrite.rules import FREE, REWRITERS, absent
from opencensus_compat.rewrite.rules.exporters import ways
from opencensus_compat.rewrite.rules.traces import tracer_classes
from opencensus_compat.rewrite.texts import cells
from opencensus_compat.scan.findings import Problem
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opencensus_compat.rewrite.files import Source
    from opencensus_compat.rewrite.model import Options, Rewritten
    from opencensus_compat.scan import project
    from opencensus_compat.scan.flow import Given
    from opencensus_compat.scan.python_uses import Found
    from opencensus_compat.scan.readings import Reading
    from opencensus_compat.scan.values import Value

_ROUNDS = 20
"""More than any code was seen to take; each must change something."""


_STUCK = "it changes together with a call that stands inside of another one: give that a line of its own first"
_NOT_NAMED = "the file is not among those that are rewritten"


def _waits_for(other: Left) -> str:
    """Return that a use waits for one of another file, and what to do where that only was not named."""
    place = f"waits for {os.path.relpath(other.path)}:{shown_place(other.cell, other.line)}"
    return f"{place}: name that file, too" if other.text == _NOT_NAMED else place


class Rounds:
    """The rounds of a run, each on the files as the one before has left them."""

    def __init__(
        self,
        sources: dict[str, Source],
        trees: dict[str, ast.Module],
        chosen: set[str],
        program: project.Program,
        options: Options,
        result: Rewritten,
        readings: Mapping[str, Reading] | None = None,
    ) -> None:
        self.program = program
        self._readings = dict(readings or {})
        """Of files that were read before the first round."""
        self._around = Surroundings(program)
        self._generated = {path for path in chosen if sources[path].is_generated}
        self.exports: dict[str, dict[str, Value]] = dict(program.exports)
        self._given: dict[str, Given] = dict(program.given)
        """File -> what its functions are handed in others."""
        self._original = dict(sources)
        self._sources = sources
        self._chosen = chosen - self._generated
        self._options = options
        self._result = result
        self._files: dict[str, File] = {}
        self._views: dict[str, View] = {}
        self._program_of: dict[str, Files[File]] = {}
        self._programs: list[Files[File]] = []
        """The files of each program in which something may change: those of one get nothing from those of another."""
        for paths in programs(sources, program.files, program.find):
            if chosen.isdisjoint(paths):
                continue
            self._programs.append(Files[File]())
            self._program_of.update(dict.fromkeys(paths, self._programs[-1]))
        self._trees = {path: tree for path, tree in trees.items() if path in self._program_of}
        """Of files that are to be read anew."""
        self._unused: dict[str, set[str]] = {}
        self._refused: set[Where] = set()
        self._covering: dict[Found, Found] = {}
        """Use -> the one whose edits see to it."""
        self._open: set[Left] = set()
        """Beside the uses: applications that may trace themselves."""
        self._needed: dict[Where, set[Where]] = defaultdict(set)
        self._lines = {path: Origins.same(source.text) for path, source in sources.items()}

    def go(self) -> None:
        """Change what can change, and note what is left."""
        self._refresh()
        self._unused = {path: file.bindings.unused() for path, file in self._files.items()}
        self._check_cells()
        left: list[Left] = []
        asked: dict[Where, Left] = {}
        changes: list[Change] = []
        for _ in range(_ROUNDS):
            self._refresh()
            self._needed = defaultdict(set)
            found = [self._found(files) for files in self._programs]
            left = [each for _, lefts in found for each in lefts]
            asked |= {each.key: each for each in left if each.why == "decide"}
            changes = sorted((change for made, _ in found for change in made), key=lambda change: change.key)
            if not self._apply(changes):
                break
        if self._options.select is None:
            stuck = [part for change in changes if self._options.want(change) for part in change.parts if part.edits]
            left += [Left(part.path, part.cell, part.line, part.rule, "keep", _STUCK) for part in stuck]
        # What is no use any more, since the file imports nothing of OpenCensus, is still a question.
        answered = {Where(part.path, part.cell, part.line, part.rule) for change in self._result.changes for part in change.parts}
        answered |= {each.key for each in left}
        left += [each for key, each in asked.items() if key not in answered]
        left += self._open
        for path in self._generated:
            uses = [use for use in self._files[path].uses if use.rule[0] != "I"]
            left += [self._left(self._files[path], use, "generated", "the head of the file says that a tool makes it") for use in uses]
        self._result.left = sorted(left)
        self._finish()

    def _check_cells(self) -> None:
        """Leave notebooks as they are where a cell may use what others get of OpenCensus, and is not known."""
        for path in sorted(self._chosen):
            if (notebook := self._sources[path].notebook) is None:
                continue
            if why := cells.obstacle(self._files[path], notebook):
                self._result.problems.append(Problem(path, why))
                self._chosen.discard(path)

    def _refresh(self) -> None:
        """Read the files that changed anew, and the others where what those hand on, or hand over to them, has changed."""
        trees = self._trees
        for _ in range(_ROUNDS):
            before = {path: self.exports.get(path, {}) for path in trees}
            for path, tree in trees.items():
                view = self._views[path] = View(self.program, self.exports, path)
                reading = self._readings.pop(path, None)
                given = self._given.get(path, {})
                if reading is not None and reading.tree is tree and reading.holds(self.program.processors, given, self.exports):
                    view.asked.update(reading.asked)
                else:
                    reading = None
                file = File(path, self._sources[path], view, self.program.processors, REWRITERS, tree, given, reading)
                file.around, file.accepted = self._around, self._options.accepted
                file.files = self._program_of[path]
                self._program_of[path][path] = file
                self._files[path] = file
                self.exports[path] = file.module.exports
            changed = {path for path, handed_on in before.items() if self.exports[path] != handed_on}
            before_given, self._given = self._given, handed_over(self._files.values())
            trees = {
                path: file.tree
                for path, file in self._files.items()
                if changed & self._views[path].asked or self._given.get(path) != before_given.get(path)
            }
            if not trees:
                break
        self._trees = {}

    def _bases(self, files: Mapping[str, File]) -> list[Change]:
        """Return the wanted changes that take tracers from the classes of a program which only name them."""
        found = tracer_classes.by_name_only(files)
        changes = [Change((self._part(file, use, None, edits),)) for file, use, edits in found if file.path in self._chosen]
        return [change for change in changes if change.key not in self._refused and self._options.want(change)]

    def _early(self, files: Mapping[str, File]) -> list[Change]:
        """Return the wanted changes of imports that only early releases have."""
        if "X003" not in self._options.accepted:
            return []
        found = absent.renamed({path: file for path, file in files.items() if path in self._chosen})
        placed = [
            (Part(file.path, "X003", line, name, tuple(edits), (), cell))
            for file, node, name, edits in found
            for cell, line in [self._place(file, node)]
        ]
        changes = [Change((part,)) for part in placed]
        return [change for change in changes if change.key not in self._refused and self._options.want(change)]

    # One round.
    def _found(self, files: Files[File]) -> tuple[list[Change], list[Left]]:
        """Return what can change now in a program, and what cannot."""
        # What stands on a tracer by name only is none, and no use of one: that goes first.
        if first := [*self._early(files), *self._bases(files)]:
            return first, []
        flows, groups, parts, left = self._state(files, frozenset())
        # A file whose tracer comes from one that cannot change gets a tracer of its own.
        cut = frozenset(
            (path, name)
            for path, name in flows.imported
            if path in self._chosen
            and any(each.why != "shape" for each in left.get(flows.group(self._files[path].bindings.module[name]), ()))
        )
        if cut:
            flows, groups, parts, left = self._state(files, cut)
        blocked = {key for key in groups if left[key]}
        pairs = [(flows.group(one), flows.group(other)) for one, other in flows.requires]
        reasons = {key: left[key] for key in blocked}
        while more := {one for one, other in pairs if other in blocked and one not in blocked and one in groups}:
            blocked |= more
        if ways.gives_up(list(files.values()), [use for key in blocked for _, use in groups[key]]):
            return self._found(files)
        everything = [each for lefts in reasons.values() for each in lefts if each.path in self._chosen]
        waits = {one: other for one, other in pairs if one in blocked and other in blocked and not left[one]}
        for key in blocked:
            known = {each.key for each in left[key]}
            reason = next(iter(left[key] or left[waits[key]]), None) if left[key] or key in waits else None
            outside = reason if reason is not None and reason.path not in self._chosen else None
            for file, use in groups[key]:
                text = _waits_for(outside) if outside else "waits for what it belongs to"
                each = self._left(file, use, "keep" if outside else "with", text)
                if each.key not in known and each.path in self._chosen:
                    everything.append(each)
        changes = {key: Change(tuple(parts[key])) for key in groups if key not in blocked and any(part.edits for part in parts[key])}
        for one, other in pairs:
            if one is not other and one in changes and other in changes:
                self._needed[changes[one].key].add(changes[other].key)
        return list(changes.values()), everything

    def _state(
        self, files: Files[File], cut: frozenset[Cut]
    ) -> tuple[Flows, dict[Key, list[tuple[File, Found]]], dict[Key, list[Part]], dict[Key, list[Left]]]:
        """Return the groups of uses, what becomes of each, and what stands in its way."""
        flows = Flows(files, self.program.find, FREE, cut)
        groups: dict[Key, list[tuple[File, Found]]] = defaultdict(list)
        for file in files.values():
            file.covered.clear()
            for use in sorted(file.uses, key=file.place):
                slot = file.slot(use.node)
                is_cut = use.rule == "I007" and slot is not None and (file.path, slot.name) in cut
                if use.rule[0] != "I" or use.rule in {"I005", "I006"} or is_cut:
                    groups[flows.group(use)].append((file, use))
        obstacles = flows.obstacles()
        self._covering = {}
        parts: dict[Key, list[Part]] = {}
        left: dict[Key, list[Left]] = {}
        for key, members in groups.items():
            parts[key], left[key] = self._group(members)
            # What stays as it is may be held by anything.
            if key in obstacles and not left[key] and any(part.edits for part in parts[key]):
                file, use = members[0]
                left[key].append(self._left(file, use, "keep", shown(obstacles[key], file)))
        # What another use's edits see to, changes only where that does.
        flows.requires += [(covered, use) for covered, use in self._covering.items() if flows.group(covered) != flows.group(use)]
        return flows, groups, parts, left

    def _outcome(self, file: File, use: Found) -> Sequence[Edit] | None:
        if use.rule != "I007" or not isinstance(use.node, ast.alias):
            return file.outcome(use)
        return alone.own_tracer(file, use.node, self._files, self._around, self.program.find)

    def _group(self, members: list[tuple[File, Found]]) -> tuple[list[Part], list[Left]]:
        parts: list[tuple[Found, Part]] = []
        beside: list[Part] = []
        left: list[tuple[Found, Left]] = []
        for file, use in members:
            file.needs, file.elsewhere, covered_before = [], [], set(file.covered)
            try:
                if self._part(file, use).where in self._refused:
                    raise Refused(Keep("its edits do not fit together: please report this form"))
                edits = self._outcome(file, use)
            except Refused as refused:
                # What it would have seen to, nothing sees to.
                file.covered &= covered_before
                outcome = refused.outcome
                why: Why = "decide" if isinstance(outcome, Ask) else "keep"
                left.append((use, self._left(file, use, why, outcome.question if isinstance(outcome, Ask) else outcome.reason)))
                continue
            if edits is None:
                left.append((use, self._left(file, use, "keep", f"by hand: {BY_ID[use.rule].counterpart}")))
                continue
            if (file.path not in self._chosen and (edits or file.needs)) or {other.path for other, *_ in file.elsewhere} - self._chosen:
                left.append((use, self._left(file, use, "keep", _NOT_NAMED)))
                continue
            self._covering.update(dict.fromkeys(file.covered - covered_before - {use}, use))
            parts.append((use, self._part(file, use, None, edits, file.needs)))
            beside += [self._part(other, use, at, changes, needs) for other, at, changes, needs in file.elsewhere]
        covered = {use for file, _ in members for use in file.covered}
        kept = [each for use, each in left if use not in covered]
        # What another use's edits see to has none of its own.
        made = dict(parts)
        done = without_what_goes(
            [self._part(file, use) if use in covered else made[use] for file, use in members if use in covered or use in made]
        )
        if not kept and not self._options.shape:
            shapes = [part for part in done if part.edits and BY_ID[part.rule].kind == "shape"]
            kept += [Left(part.path, part.cell, part.line, part.rule, "shape", BY_ID[part.rule].counterpart) for part in shapes]
        return [*done, *beside], kept

    def _part(self, file: File, use: Found, at: ast.AST | None = None, edits: Sequence[Edit] = (), needs: Sequence[Need] = ()) -> Part:
        cell, line = self._place(file, at or use.node)
        return Part(file.path, use.rule, line, use.symbol, tuple(edits), tuple(needs), cell)

    def _left(self, file: File, use: Found, why: Why, text: str) -> Left:
        return Left(file.path, *self._place(file, use.node), use.rule, why, text)

    def _place(self, file: File, node: ast.AST) -> tuple[int, int]:
        """Return cell and line of a node in the text as it was before the run."""
        return self.place(file.path, getattr(node, "lineno", 1))

    # What files other than Python's are asked about afterwards.
    def place(self, path: str, line: int) -> tuple[int, int]:
        """Return cell and line of a line of a text, as they were before the run."""
        return self._original[path].place(self._lines[path].before(line))

    def texts_before(self) -> list[bytes]:
        """Return the texts of the files that may change, as they were before the run."""
        return [self._original[path].text for path in self._chosen]

    def notebooks(self) -> dict[str, Source]:
        """Return the notebooks that may change, as they are now."""
        return {path: self._sources[path] for path in sorted(self._chosen) if self._sources[path].notebook is not None}

    def _apply(self, changes: list[Change]) -> bool:
        """Apply what is wanted and does not conflict; return whether anything changed."""
        applied = self._chosen_of(changes)
        while True:
            changed, results, parsed = self._made(applied)
            broken = next((path for path, tree in parsed.items() if tree is None), None)
            if broken is None:
                break
            at_fault = [change for change in applied if broken in {part.path for part in change.parts}]
            if at_fault:
                # A rule that writes what Python cannot parse costs its change, and what hangs on that, not the run.
                alone = (each for each in at_fault if self._made([other for other in applied if other is not each])[2].get(broken, True))
                self._refused.add(next(alone, at_fault[-1]).key)
                return True
            self._result.problems.append(Problem(broken, "its imports cannot be changed in place: please report this form"))
            self._chosen -= {broken}
        for path, text in results.items():
            tree = parsed[path]
            assert tree is not None
            self._step(path, changed[path], text, tree)
        self._result.changes += applied
        return bool(results)

    def _made(self, applied: list[Change]) -> tuple[dict[str, list[Edit]], dict[str, bytes], dict[str, ast.Module | None]]:
        """Return what some changes make of each file: its edits, its text and its tree; None for one that Python cannot parse."""
        done: dict[str, list[Edit]] = defaultdict(list)
        needs: dict[str, list[Need]] = defaultdict(list)
        for part in (part for change in applied for part in change.parts):
            done[part.path] += part.edits
            needs[part.path] += part.imports
        changed, results = self._results(done, needs)
        return changed, results, {path: files.parsed(self._sources[path].with_text(text)) for path, text in results.items()}

    def _chosen_of(self, changes: list[Change]) -> list[Change]:
        """Return those changes that are wanted, conflict with none before them, and have what they need."""
        known = {change.key for change in changes}
        wanted = {change.key for change in changes if self._options.want(change)}
        if self._options.select is None:
            while more := {other for key in wanted for other in self._needed[key] if other in known} - wanted:
                wanted |= more
        while True:
            done: dict[str, list[Edit]] = defaultdict(list)
            applied = []
            # What stands inside another's place is there no more, or has its turn in the next round.
            for change in sorted(changes, key=lambda change: change.width, reverse=True):
                if change.key in wanted and not any(conflict(part.edits, done[part.path]) for part in change.parts):
                    applied.append(change)
                    for part in change.parts:
                        done[part.path] += part.edits
            there = {change.key for change in applied}
            lacking = {key for key in there if any(other in known and other not in there for other in self._needed[key])}
            if not lacking:
                return sorted(applied, key=lambda change: change.key)
            wanted -= lacking

    def _results(self, done: dict[str, list[Edit]], needs: dict[str, list[Need]]) -> tuple[dict[str, list[Edit]], dict[str, bytes]]:
        """Return the edits of each file, those of its imports included, and its text after them."""
        for program in self._programs:
            # Applications make nothing of their own where others make the program set providers.
            self._open |= {self._left_at(file, node) for file, node in frameworks.silence(program, done, self._chosen)}
        handed_on, lost = imports.handed_on(self._files, self.program.find), imports.lost(self._files, done)
        for path in self._chosen:
            file, own = self._files[path], done[path]
            touched = bool(own) or path in self._result.before or not self._options.are_narrow
            going = imports.going(file, handed_on[path], self._unused[path], own, needs[path], lost) if touched else []
            done[path] = [*imports.coming(file, needs[path]), *own, *(edit for edit in going if not conflict([edit], own))]
        changed = {path: finishing.finished(self._files[path], edits) for path, edits in done.items() if edits}
        return changed, {path: apply(self._sources[path].text, edits) for path, edits in changed.items()}

    def _left_at(self, file: File, node: ast.AST) -> Left:
        return Left(file.path, *self._place(file, node), "W012", "decide", frameworks.QUESTION)

    def _step(self, path: str, edits: list[Edit], text: bytes, tree: ast.Module) -> None:
        self._result.before.setdefault(path, self._original[path].encoded())
        self._lines[path] = self._lines[path].then(Origins.of(self._sources[path].text, edits))
        self._sources[path] = self._sources[path].with_text(text)
        self._trees[path] = tree

    # The end.
    def _finish(self) -> None:
        for path in sorted(self._chosen):
            file = self._files[path]
            asked = [(use.node, use.rule, text) for use, text in markers.questions(file)]
            edits = markers.edits(file, asked, write=self._options.markers and not self._options.are_narrow)
            if edits:
                text = apply(file.source, edits)
                self._step(path, edits, text, self._sources[path].with_text(text).tree())
        for path in list(self._result.before):
            self._result.after[path] = self._sources[path].encoded()
            if self._result.after[path] == self._result.before[path]:
                del self._result.before[path], self._result.after[path]
