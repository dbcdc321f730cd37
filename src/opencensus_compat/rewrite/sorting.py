"""Where new imports stand among others, so that imports which a tool such as isort or Ruff has sorted stay sorted."""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opencensus_compat.rewrite.context import File

_FUTURE, _STANDARD, _THIRD, _OWN = range(4)
"""Sections of sorted imports, in their order."""


class _Style(NamedTuple):
    """How a file sorts its imports."""

    is_mixed: bool
    """`import a` and `from a import b` stand among each other, by the name of the module (``force_sort_within_sections``)."""

    def key(self, statement: ast.Import | ast.ImportFrom) -> tuple[object, ...]:
        """Return what sorts a statement."""
        is_from = isinstance(statement, ast.ImportFrom)
        name = "." * statement.level + (statement.module or "") if isinstance(statement, ast.ImportFrom) else statement.names[0].name
        return (_natural(name), is_from) if self.is_mixed else (is_from, _natural(name))

    def key_of(self, module: str) -> tuple[object, ...]:
        """Return what sorts `from module import name`."""
        return (_natural(module), True) if self.is_mixed else (True, _natural(module))


_STYLES = (_Style(is_mixed=False), _Style(is_mixed=True))


def inserted(file: File, anchor: ast.stmt, head: Sequence[ast.stmt], modules: Mapping[str, set[str]]) -> list[Edit] | None:
    """Return the edits that import some names where others are sorted; None where they are not.

    Args:
        file: The file.
        anchor: The import beside which the new ones belong, in a function or `try` as well, or the last statement of the head.
        head: The statements of the module's head: docstring and imports.
        modules: Module -> names of it, with ``as``.
    """
    edits: list[Edit] = []
    groups = _groups(file, head)
    # Old imports go, and what takes the places of all needs no line between.
    is_rest = len({_is_standard(name) for name in modules}) > 1 or any(not _is_old(each) for group in groups for each in group)
    group = next((group for group in _groups(file, file.body_of(anchor)) if anchor in group), None)
    for section in (_STANDARD, _THIRD):
        wanted = {name: names for name, names in modules.items() if _is_standard(name) is (section == _STANDARD)}
        if not wanted:
            continue
        if group is not None and section == _THIRD and {_section(file, each) for each in group} == {_THIRD}:
            found = _into(file, group, wanted)
        elif file.parents.get(anchor) is file.tree:
            found = _into_section(file, groups, section, wanted, [""] if is_rest else [])
        else:
            found = _into(file, group, wanted) if group is not None else None
        if found is None:
            return None
        edits += found
    return edits


def _into_section(
    file: File,
    groups: Sequence[Sequence[ast.Import | ast.ImportFrom]],
    section: int,
    modules: Mapping[str, set[str]],
    between: list[str],
) -> list[Edit] | None:
    sections = [{_section(file, statement) for statement in group} for group in groups]
    order = [each for found in sections for each in found]
    if not groups or any(len(found) > 1 for found in sections) or order != sorted(set(order)) or None in map(_style, groups):
        return None
    if section in order:
        return _into(file, groups[order.index(section)], modules)
    lines = [line(module, part) for module, names in sorted(modules.items(), key=lambda item: _natural(item[0])) for part in _apart(names)]
    after = next((group for group, found in zip(groups, order, strict=True) if found > section), None)
    if after is not None:
        at, new = file.line_start(after[0]), [*lines, *between]
    else:
        at, new = file.line_after(groups[-1][-1]), [*between, *lines]
        if file.source[at - 1 : at] not in {b"\n", b"\r"}:
            return None
    return [Edit(at, at, "".join(f"{each}{file.line_end}" for each in new).encode())]


def line(module: str, names: set[str]) -> str:
    """Return the statement that imports names from a module: constants, then classes, then others, as isort and Ruff sort them."""
    return f"from {module} import {', '.join(sorted(names, key=_by_type))}"


def _apart(names: set[str]) -> list[set[str]]:
    """Return which names of a module share a statement: those with ``as`` stand alone, in the order of the first names."""
    plain = {name for name in names if " " not in name}
    return sorted([{name} for name in names - plain] + ([plain] if plain else []), key=_first)


def _first(names: set[str]) -> tuple[int, object]:
    return min(map(_by_type, names))


def _by_type(name: str) -> tuple[int, object]:
    word = name.partition(" ")[0]
    return (0 if word.isupper() and len(word) > 1 else 1 if word[:1].isupper() else 2), _natural(word)


def _natural(name: str) -> tuple[object, ...]:
    """Return what sorts a name: small letters as large ones, numbers as numbers."""
    parts = re.split(r"(\d+)", name.lower())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part), name


def _groups(file: File, block: Sequence[ast.stmt]) -> list[list[ast.Import | ast.ImportFrom]]:
    """Return the imports of a block that stand on lines of their own, blank lines between groups."""
    groups: list[list[ast.Import | ast.ImportFrom]] = []
    before: ast.stmt | None = None
    for statement in block:
        if isinstance(statement, (ast.Import, ast.ImportFrom)) and _is_whole(file, statement):
            between = file.source[file.line_after(before) : file.line_start(statement)] if before is not None else b""
            if not groups or before is not groups[-1][-1] or (re.search(rb"(?m)^[ \t]*\r?$", between.removesuffix(b"\n")) and between):
                groups.append([])
            groups[-1].append(statement)
        before = statement
    return groups


def _is_whole(file: File, statement: ast.stmt) -> bool:
    rest = file.source[file.end(statement) : file.line_after(statement)].strip()
    return file.begins_line(statement) and (not rest or rest.startswith(b"#"))


def _style(group: Sequence[ast.Import | ast.ImportFrom]) -> _Style | None:
    """Return how a group is sorted; None where it is not."""
    for style in _STYLES:
        keys = [style.key(statement) for statement in group]
        if keys == sorted(keys):
            return style
    return None


def _section(file: File, statement: ast.Import | ast.ImportFrom) -> int:
    name = (statement.module or "") if isinstance(statement, ast.ImportFrom) else statement.names[0].name
    level = statement.level if isinstance(statement, ast.ImportFrom) else 0
    if name == "__future__":
        return _FUTURE
    if not level and _is_standard(name):
        return _STANDARD
    return _OWN if level or file.is_own(name) else _THIRD


def _is_old(statement: ast.Import | ast.ImportFrom) -> bool:
    name = (statement.module or "") if isinstance(statement, ast.ImportFrom) else statement.names[0].name
    return name.partition(".")[0] == "opencensus"


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _into(file: File, group: Sequence[ast.Import | ast.ImportFrom], modules: Mapping[str, set[str]]) -> list[Edit] | None:
    style = _style(group)
    if style is None:
        return None
    places: dict[int, list[str]] = {}
    edits = []
    every = [(module, part) for module, names in sorted(modules.items(), key=lambda item: style.key_of(item[0])) for part in _apart(names)]
    for module, names in every:
        if (edit := _joined(file, group, module, names)) is not None:
            edits.append(edit)
            continue
        place = (style.key_of(module), _first(names))
        before = [each for each in group if (style.key(each), _first({alias.name for alias in each.names})) <= place]
        at = file.line_after(before[-1]) if before else file.line_start(group[0])
        places.setdefault(at, []).append(line(module, names))
    indentation = file.indentation(group[0])
    for at, lines in places.items():
        text = "".join(f"{indentation}{each}{file.line_end}" for each in lines)
        is_last = at > 0 and file.source[at - 1 : at] not in {b"\n", b"\r"}
        edits.append(Edit(at, at, (file.line_end + text.removesuffix(file.line_end) if is_last else text).encode()))
    return edits


def _joined(file: File, group: Sequence[ast.Import | ast.ImportFrom], module: str, names: set[str]) -> Edit | None:
    """Return the edit that adds names to the import of the same module, where that is one plain line with sorted names."""
    for statement in group:
        if not isinstance(statement, ast.ImportFrom) or statement.module != module or statement.level or statement.names[0].name == "*":
            continue
        there = [alias.name if alias.asname is None else f"{alias.name} as {alias.asname}" for alias in statement.names]
        if any(" " in each for each in [*there, *names]):
            continue
        if file.text(statement) == f"from {module} import {', '.join(there)}" and there == sorted(there, key=_by_type):
            return file.replace(statement, line(module, {*there, *names}))
    return None
