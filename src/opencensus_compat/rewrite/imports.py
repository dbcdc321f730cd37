"""Imports: those that edits need come in, those of OpenCensus that nothing uses any more go, and comments stay."""

from __future__ import annotations

import ast
import os
import re
import sys
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import sorting
from opencensus_compat.rewrite.comments import is_pragma
from opencensus_compat.rewrite.context import File
from opencensus_compat.rewrite.edits import Edit, Need

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence


_ADAPTERS = frozenset({"opencensus_compat.legacy_exporters", "opencensus_compat.legacy_stats_exporters"})
_CODES = frozenset({"google.rpc", "google.rpc.code_pb2"})
_GUARDS = ("ImportError", "ModuleNotFoundError")


def of_file(edits: list[Edit], home: File, node: ast.AST, before: int, file: File) -> list[Edit]:
    """Return edits, where they are of the file of the use; note them there, with the imports that they need, where they are of another one.

    Args:
        edits: They stand or fall with the use.
        home: Whose edits they are.
        node: Where they are.
        before: How many imports that file needed before.
        file: The file of the use.
    """
    if home is file:
        return edits
    needs = home.needs[before:]
    del home.needs[before:]
    file.elsewhere.append((home, home.statement(node), edits, needs))
    return []


def coming(file: File, needs: Iterable[Need]) -> list[Edit]:
    """Return the edits that import what some changes need."""
    needs = list(needs)
    everywhere = {need[:3] for need in needs if need.near < 0 or file.parents.get(_statement_at(file, need.near)) is file.tree}
    places: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for need in needs:
        if need[:3] in everywhere and need.near >= 0 and file.parents.get(_statement_at(file, need.near)) is not file.tree:
            continue
        name = need.name if need.alias == need.name else f"{need.name} as {need.alias}"
        places[need.near][need.module].add(name)
    edits = []
    for near, modules in places.items():
        statement = last_of_head(file) if near < 0 else _statement_at(file, near)
        placed = sorting.inserted(file, statement, head(file), modules) if statement is not None else None
        if placed is not None:
            edits += placed
            continue
        lines = [sorting.line(module, names) for module, names in sorted(modules.items())]
        edits.append(_at_top(file, lines) if statement is None else _beside(file, statement, lines))
    return edits


def early(file: File, statement: str, node: ast.alias) -> str:
    """Return what the file calls a name that it gets from elsewhere, where an import becomes a variable: the name is there before that.

    Args:
        file: The file.
        statement: Such as ``from opentelemetry import trace``.
        node: The import.
    """
    before, head = len(file.needs), last_of_head(file)
    name = file.need(statement, node)
    if head is not None and file.parents.get(file.statement(node)) is file.tree:
        file.needs[before:] = [need._replace(near=-1) if need.near > file.end(head) else need for need in file.needs[before:]]
    return name


def instead(file: File, alias: ast.alias, value: str, *, keep_module: bool) -> list[Edit]:
    """Return the edits that bind a name here which another module gave.

    Args:
        file: The file.
        alias: The name in an import statement.
        value: What it is bound to.
        keep_module: The module is imported for what it does besides.
    """
    statement = file.statement(alias)
    assert isinstance(statement, ast.ImportFrom)
    line = f"{alias.asname or alias.name} = {value}"
    edits = without_names(file, [alias]) if len(statement.names) > 1 or keep_module else [_without(file, statement)]
    last = last_of_head(file) if file.parents.get(statement) is file.tree else None
    if last is None:
        return [*edits, file.insert_after(statement, line)]
    at = file.line_after(last)
    return [*edits, Edit(at, at, f"{file.line_end}{line}{file.line_end}".encode())]


def without_names(file: File, aliases: list[ast.alias]) -> list[Edit]:
    """Return the edits that take names out of an import statement, and import the module all the same."""
    statement = file.statement(aliases[0])
    assert isinstance(statement, ast.ImportFrom)
    if len(statement.names) > len(aliases):
        return [_name_out(file, statement, alias, aliases) for alias in aliases]
    package, _, module = (statement.module or "").rpartition(".")
    if not module:
        # `from . import tracer`: the package around is imported by then.
        return [_without(file, statement)]
    if statement.level:
        name = file.free_name(module)
        source = f"from {'.' * statement.level}{package} import {module}{f' as {name}' if name != module else ''}"
    else:
        first = (statement.module or "").partition(".")[0]
        source = f"import {statement.module}{f' as {file.free_name(module)}' if file.free_name(first) != first else ''}"
    return [file.replace(statement, f"{source}  # noqa: F401 -- sets up what is sent")]


def _statement_at(file: File, at: int) -> ast.stmt:
    statements: list[ast.stmt] = [*file.kinds[ast.Import], *file.kinds[ast.ImportFrom]]
    return next(each for each in statements if file.start(each) == at)


def _beside(file: File, statement: ast.stmt, lines: list[str]) -> Edit:
    if not file.begins_line(statement):
        # In the line of `try:` or after another statement, whose semicolon goes with this one.
        before = file.source[file.line_start(statement) : file.start(statement)].rstrip()
        at = file.line_start(statement) + len(before) - 1 if before.endswith(b";") else file.start(statement)
        return Edit(at, at, "".join(f"; {line}" if at < file.start(statement) else f"{line}; " for line in lines).encode())
    at, indentation = file.line_after(statement), file.indentation(statement)
    rest = file.source[file.end(statement) : at].strip()
    if rest and not rest.startswith(b"#"):
        return Edit(file.end(statement), file.end(statement), "".join(f"; {line}" for line in lines).encode())
    is_last = file.source[at - 1 : at] not in {b"\n", b"\r"}
    text = "".join(f"{indentation}{line}{file.line_end}" for line in lines)
    return Edit(at, at, (file.line_end + text.removesuffix(file.line_end) if is_last else text).encode())


def head(file: File) -> list[ast.stmt]:
    """Return the statements of the head of a module, or of a notebook's first cell: docstring and imports."""
    found: list[ast.stmt] = []
    for statement in file.body_of(file.tree.body[0]) if file.tree.body else ():
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
        if not (isinstance(statement, (ast.Import, ast.ImportFrom)) or (is_text and not found)):
            break
        found.append(statement)
    return found


def last_of_head(file: File) -> ast.stmt | None:
    """Return the last statement of the head; None for a module without one."""
    found = head(file)
    return found[-1] if found else None


def _at_top(file: File, lines: list[str]) -> Edit:
    """Import before the first statement, after comments such as the line for the shell."""
    first = file.tree.body[0]
    at = file.line_start(first)
    if isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and first.decorator_list:
        at = file.line_start(first.decorator_list[0])
    return Edit(at, at, "".join(f"{line}{file.line_end}" for line in [*lines, ""]).encode())


def going(
    file: File,
    handed_on: set[str],
    unused_before: set[str],
    others: Sequence[Edit],
    needs: Iterable[Need] = (),
    lost: Collection[ast.alias] = (),
) -> list[Edit]:
    """Return the edits that take away imports of OpenCensus which nothing uses.

    Args:
        file: The file.
        handed_on: Names that other files get from it.
        unused_before: Variables that nothing in the file read before the run either (`Slot.within_file`).
        others: What else changes in the file now.
        needs: What is imported instead; a name of it may be that of an import that goes.
        lost: Imports of what is there no longer.
    """
    is_face, needs = os.path.basename(file.path) == "__init__.py", list(needs)
    gone, hosts = _Gone(file, others, {need.alias for need in needs}), {need.near for need in needs}
    names = handed_on | ({name[1:] for name in unused_before if name.startswith(".")} if is_face else set()) | _exported(file.tree)
    edits = []
    for statement in [*file.kinds[ast.Import], *file.kinds[ast.ImportFrom]]:
        unused = [
            alias
            for alias in statement.names
            if alias in lost
            or (
                (is_of_opencensus(statement, alias) or _is_spare(file, statement, alias, unused_before))
                and (_is_unused(file, statement, alias, names, gone) or _is_doubled(file, statement, alias, gone))
            )
        ]
        if len(unused) == len(statement.names):
            # A `try` in which something else is imported now stays.
            guard = None if file.start(statement) in hosts else _guard(file, statement)
            edits.append(_without(file, guard or statement))
        elif unused:
            edits += [_name_out(file, statement, alias, unused) for alias in unused]
    return list(dict.fromkeys(edits))


def _exported(tree: ast.Module) -> set[str]:
    """Return the names of `__all__`."""
    found = set()
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            found |= {each.value for each in ast.walk(statement) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return found


def is_of_opencensus(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    """Return whether an import is of OpenCensus."""
    name = (statement.module or "" if not statement.level else "") if isinstance(statement, ast.ImportFrom) else alias.name
    return name == "opencensus" or name.startswith("opencensus.")


def handed_on(files: Mapping[str, File], find: Callable[[str, int, str], str | None]) -> dict[str, set[str]]:
    """Return file -> the names that other files import from it, or read of it."""
    names: dict[str, set[str]] = defaultdict(set)
    stars: dict[str, set[str]] = defaultdict(set)
    for other in files.values():
        for level, module, name in other.taken():
            path = find(other.path, level, module)
            if path is None or path not in files:
                continue
            if name == "*":
                stars[path].add(other.path)
            else:
                names[path].add(name)
        for path, name in other.read_of_modules():
            names[path].add(name)
    for path in stars:
        # What gets all names hands on those that it does not need itself.
        reached, pending = {path}, [path]
        while pending:
            more = stars.get(pending.pop(), set()) - reached
            reached |= more
            pending += more
        names[path] |= {word for each in reached - {path} for word in files[each].words() | names.get(each, set())}
    return names


def lost(files: Mapping[str, File], done: Mapping[str, Sequence[Edit]]) -> set[ast.alias]:
    """Return the imports of variables that edits take away in other files, where nothing reads the names any more."""
    gone = {
        slot
        for path, edits in done.items()
        for slot in (files[path].bindings.module.values() if edits else ())
        if slot.stores and all(isinstance(store, ast.Name) and _is_taken(store, edits, files[path]) for store in slot.stores)
    }
    found: set[ast.alias] = set()
    while gone:
        names, more = {slot.name for slot in gone}, set()
        for path, file in files.items():
            for alias in file.kinds[ast.alias]:
                slot, origin = file.slot(alias), file.origin(alias) if alias.name in names else None
                if origin is None or origin[1] not in gone or slot is None:
                    continue
                if all(_is_taken(load, done.get(path, ()), file) for load in slot.loads):
                    found.add(alias)
                    more.add(slot)
        gone = more
    return found


def _is_taken(node: ast.AST, edits: Sequence[Edit], file: File) -> bool:
    """Return whether edits take a name away, and none writes it anew."""
    start, end = file.start(node), file.end(node)
    word = re.compile(rb"""(?<![\w."'])%s(?![\w"'])""" % re.escape(file.source[start:end]))
    return any(edit.start <= start and end <= edit.end for edit in edits) and not any(word.search(edit.replacement) for edit in edits)


class _Gone:
    """Which names some edits take away."""

    def __init__(self, file: File, edits: Sequence[Edit], taken_over: set[str]) -> None:
        self._file = file
        self._edits = sorted(edit for edit in edits if edit.end > edit.start)
        self._starts = [edit.start for edit in self._edits]
        self._words = set(re.findall(rb"\w+", b" ".join(edit.replacement for edit in edits))) - {name.encode() for name in taken_over}

    def __call__(self, node: ast.expr) -> bool:
        """Return whether a name is taken away, and comes back in no edit."""
        start = self._file.start(node)
        at = bisect_right(self._starts, start) - 1
        if at < 0 or self._file.end(node) > self._edits[at].end:
            return False
        return self._file.source[start : self._file.end(node)] not in self._words


def _is_spare(file: File, statement: ast.Import | ast.ImportFrom, alias: ast.alias, unused_before: set[str]) -> bool:
    """Return whether an import does nothing but give a name, and was used: of the standard library, of gRPC's codes, or of the adapter of exporters."""
    module = alias.name if isinstance(statement, ast.Import) else statement.module or ""
    is_standard = module.partition(".")[0] in sys.stdlib_module_names and module != "__future__" and not getattr(statement, "level", 0)
    slot = file.slot(alias)
    return (is_standard or module in _ADAPTERS or module in _CODES) and slot is not None and slot.within_file not in unused_before


def _is_unused(file: File, statement: ast.Import | ast.ImportFrom, alias: ast.alias, names: set[str], gone: _Gone) -> bool:
    if alias.name == "*":
        return False
    slot = file.slot(alias)
    name = alias.asname or (alias.name if isinstance(statement, ast.ImportFrom) else alias.name.partition(".")[0])
    if (
        slot is None
        or not all(map(gone, slot.loads))
        or (name in names and slot.owner is file.tree)
        or isinstance(slot.owner, ast.ClassDef)
    ):
        return False
    if alias.asname == alias.name:
        # `import name as name` says that it is handed on.
        return False
    return not any(_is_in_text(node, name) and _is_seen(slot.owner, node, file) for node in file.kinds[ast.Constant])


def _is_doubled(file: File, statement: ast.Import | ast.ImportFrom, alias: ast.alias, gone: _Gone) -> bool:
    """Return whether edits take away all that reads a name before the module imports the same again."""
    slot = file.slot(alias)
    if slot is None or slot.owner is not file.tree or not all(isinstance(store, ast.alias) for store in slot.stores):
        return False
    later = [file.parents[store] for store in slot.stores if file.start(store) > file.start(alias)]
    again = [each for each in later if isinstance(each, type(statement)) and ast.unparse(each) == ast.unparse(statement)]
    if not again or file.parents.get(statement) is not file.tree or file.parents.get(again[0]) is not file.tree:
        return False
    before = [load for load in slot.loads if file.start(load) < file.start(again[0])]
    return len(statement.names) == 1 and bool(before) and all(map(gone, before))


def _is_seen(owner: ast.AST | None, node: ast.AST, file: File) -> bool:
    """Return whether a name that is bound in a function, class or module may be meant at a place; a function's own signature does not see its names."""
    if not isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return True
    return any(each in owner.body for each in file.up(node))


def _is_in_text(node: ast.AST, name: str) -> bool:
    """Return whether an annotation in quotes may be meant."""
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(rf"(?<![\w.]){name}\b", node.value) is not None
        and (len(node.value) < 200 and re.fullmatch(r"[\w.\[\], |\"']+", node.value) is not None and node.value != name.lower())
        and _is_expression(node.value)
    )


def _is_expression(text: str) -> bool:
    """Return whether a text is one; a sentence of several words is none."""
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True


def _guard(file: File, statement: ast.stmt) -> ast.Try | ast.If | None:
    """Return the `try`, or the `if TYPE_CHECKING`, that has nothing but an import."""
    parent = file.parents.get(statement)
    if (
        isinstance(parent, ast.If)
        and parent.body == [statement]
        and not parent.orelse
        and ast.unparse(parent.test).endswith("TYPE_CHECKING")
    ):
        return parent
    if not isinstance(parent, ast.Try) or parent.body != [statement] or parent.orelse or parent.finalbody:
        return None
    for handler in parent.handlers:
        caught = {each.id for each in ast.walk(handler.type) if isinstance(each, ast.Name)} if handler.type else set()
        if not caught or not caught <= set(_GUARDS):
            return None
        for each in handler.body:
            is_nothing = isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant) and each.value.value is None
            if not (isinstance(each, ast.Pass) or is_nothing):
                return None
    return parent


def _without(file: File, statement: ast.stmt) -> Edit:
    """Take a statement away; what its comments say stays, but for what they say to tools."""
    start, end = file.line_start(statement), file.line_after(statement)
    edit = file.delete(statement)
    if (edit.start, edit.end) == (start, end):
        comments = _comments(file.source[file.start(statement) : end])
        return edit._replace(replacement="".join(f"{file.indentation(statement)}{text}{file.line_end}" for text in comments).encode())
    return edit


def _comments(source: bytes) -> list[str]:
    """Return the comments inside an import of several lines, without those for tools."""
    found = [line[line.index(b"#") :].strip() for line in source.splitlines() if b"#" in line]
    return [text.decode() for text in found if not is_pragma(text)]


def _name_out(file: File, statement: ast.Import | ast.ImportFrom, alias: ast.alias, unused: list[ast.alias]) -> Edit:
    """Take one name out of a list."""
    names = statement.names
    at = names.index(alias)
    start, end = file.start(alias), file.end(alias)
    line_start, line_after = file.line_start(alias), file.line_after(alias)
    before, after = file.source[line_start:start].strip(), file.source[end:line_after].strip()
    if not before and (not after or after.startswith((b",", b"#"))) and statement.lineno != alias.lineno and after not in {b",)", b")"}:
        rest = after.removeprefix(b",").strip()
        if not rest or is_pragma(rest):
            return Edit(line_start, line_after, b"")
        if rest.startswith(b"#"):
            return Edit(start, file.source.index(b"#", end), b"")
    kept_before = [each for each in names[:at] if each not in unused]
    if not kept_before:
        return Edit(start, file.start(names[at + 1]), b"") if at + 1 < len(names) else Edit(start, end, b"")
    return Edit(file.end(names[at - 1]), end, b"")
