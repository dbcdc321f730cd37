"""A run over files and folders: which files are read, their rounds of changes, and then files other than Python's."""

from __future__ import annotations

import ast
import contextlib
import gc
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import files, texts
from opencensus_compat.rewrite.edits import Change, apply
from opencensus_compat.rewrite.model import Left, Options, Rewritten
from opencensus_compat.rewrite.rounds import Rounds
from opencensus_compat.rewrite.texts import cells, requirements
from opencensus_compat.scan import notebooks, project, text_uses
from opencensus_compat.scan.findings import Problem, Result
from opencensus_compat.scan.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opencensus_compat.rewrite.files import Source
    from opencensus_compat.scan.readings import Reading


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from looking for garbage among the trees, which stay until the end: that takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_without_collector()
def rewrite(paths: Sequence[str], options: Options | None = None, *, exclude: Sequence[str] = ()) -> Rewritten:
    """Return what becomes of the files below some paths. Nothing is written, imported or run.

    Args:
        paths: Files and folders that may change. Others of the same repository are read, since they may use what these hand on.
        options: What is to change.
        exclude: Patterns of names and paths that are left out.
    """
    found = list(walk(paths, exclude))
    result = Rewritten(files=len(found), problems=[each for each in found if isinstance(each, Problem)])
    chosen = {os.path.abspath(each): each for each in found if isinstance(each, str)}
    program = project.Program(Result())
    others = []
    for around in dict.fromkeys(files.around(path) for path in paths):
        for each in walk(around):
            if isinstance(each, str) and os.path.abspath(each) not in chosen:
                program.add(each)
                others.append(each)
    for path in chosen.values():
        program.add(path)
    sources: dict[str, Source] = {}
    trees: dict[str, ast.Module] = {}
    program.readings = {}
    naming, connected = program.connect()
    known, program.readings = program.readings, None
    for path in [*naming, *sorted(connected)]:
        _read(path, sources, trees, result if os.path.abspath(path) in chosen else Rewritten(), known.get(path))
    called = {name for given in program.given.values() for name, _ in given}
    for path in [*others, *chosen.values()]:
        if path not in sources and files.matters(path, called):
            _read(path, sources, trees, Rewritten())
    mine = {path for path in sources if os.path.abspath(path) in chosen}
    rounds = Rounds(sources, trees, mine, program, options or Options(), result, known)
    rounds.go()
    texts_of = [path for path in chosen.values() if text_uses.is_read(path)]
    _texts(texts_of, [*others, *chosen.values()], sources, rounds, options or Options(), result)
    return result


def _texts(
    paths: Sequence[str], others: Sequence[str], sources: dict[str, Source], rounds: Rounds, options: Options, result: Rewritten
) -> None:
    """Change files other than Python's, and lines for the shell in notebooks: they require what the code imports after its changes."""
    books = rounds.notebooks()
    every = {path: cells.commands(source.text) for path, source in books.items()}
    for path in paths:
        try:
            every[path] = files.read(path)
        except OSError as error:
            result.problems.append(Problem(path, error.strerror or str(error)))
            continue
    read = {path: data for path, data in every.items() if texts.concerns(data)}
    if not read:
        return
    code = [source.text for source in sources.values()]
    code += [files.read(path) for path in others if path.endswith(".py") and path not in sources and os.access(path, os.R_OK)]
    used = texts.needed(code) if texts.is_ours([*code, *rounds.texts_before()]) else set()
    makers = texts.named([*code, *read.values()]) if code else None
    if "X003" in options.accepted:
        # Early releases had exporters in the one distribution.
        used |= requirements.of_others(texts.named(code))
    set_later = texts.set_by_code(code)
    wanted = used.difference(*(texts.required(path, data) for path, data in every.items() if path not in books))
    for path, data in read.items():
        # A notebook installs for itself.
        lacking = used & texts.needed([books[path].text]) - texts.required(path, data) if path in books else wanted
        changes, left = texts.changes(path, data, lacking, used, makers, set_later)
        if path in books:
            staying = cells.packages(data, {part.line for change in changes for part in change.parts})
            result.left += [Left(path, *rounds.place(path, line), rule, "keep", reason) for line, rule, reason in staying]
            changes, left = [_in_cells(change, rounds) for change in changes], []
        made = [change for change in changes if options.want(change)]
        result.left += [Left(path, 0, each.line, each.rule, "generated" if each.is_generated else "keep", each.reason) for each in left]
        if made:
            edits = [edit for change in made for part in change.parts for edit in part.edits]
            if path in books:
                result.before.setdefault(path, books[path].encoded())
                result.after[path] = books[path].with_text(apply(books[path].text, edits)).encoded()
            else:
                result.before[path], result.after[path] = data, apply(data, edits)
            result.changes += made
    asking = {os.path.dirname(path) for path, data in read.items() if path not in books and texts.asks(path, result.after.get(path, data))}
    for path in paths:
        if path in every and os.path.dirname(path) in asking:
            result.left += [Left(path, 0, each.line, each.rule, "keep", each.reason) for each in texts.too_old(path, every[path])]
    result.left.sort()


def _in_cells(change: Change, rounds: Rounds) -> Change:
    """Return a change of a notebook with cells, and lines of these."""
    placed = [(part, *rounds.place(part.path, part.line)) for part in change.parts]
    return Change(tuple(replace(part, cell=cell, line=line) for part, cell, line in placed))


@_without_collector()
def rewrite_text(data: bytes, path: str = "<stdin>", options: Options | None = None) -> Rewritten:
    """Return what becomes of one file alone.

    Args:
        data: Its bytes.
        path: Its name, for the report.
        options: What is to change.
    """
    result = Rewritten(files=1)
    sources: dict[str, Source] = {}
    trees: dict[str, ast.Module] = {}
    _parse(path, data, sources, trees, result)
    rounds = Rounds(sources, trees, set(sources), project.Program(Result()), options or Options(), result)
    rounds.go()
    _texts([], [], sources, rounds, options or Options(), result)
    return result


def _read(path: str, sources: dict[str, Source], trees: dict[str, ast.Module], result: Rewritten, known: Reading | None = None) -> None:
    try:
        data = files.read(path)
    except OSError as error:
        result.problems.append(Problem(path, error.strerror or str(error)))
        return
    _parse(path, data, sources, trees, result, known)


def _parse(
    path: str,
    data: bytes,
    sources: dict[str, Source],
    trees: dict[str, ast.Module],
    result: Rewritten,
    known: Reading | None = None,
) -> None:
    try:
        source = files.decoded(data, path)
        tree = known.tree if known is not None and known.source == source.text else source.tree()
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        what = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
        kind = "no notebook" if path.endswith(notebooks.SUFFIX) else f"this Python cannot parse it{f', line {line}' if line else ''}"
        result.problems.append(Problem(path, f"{kind}: {what}"))
        return
    sources[path] = source
    trees[path] = tree
