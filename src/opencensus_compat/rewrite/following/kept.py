"""Dicts of objects that functions and other files read by single keys, and dicts of such records: `METRICS[name]["measure"]`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from opencensus_compat.rewrite.following.callers import callers, returned
from opencensus_compat.rewrite.following.made import readers, stored, target
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File

Places: TypeAlias = "list[tuple[File, ast.expr]]"


_GIVES = frozenset({"get", "pop"})
"""Methods that give a single value."""
_EMPTIES = frozenset({"clear", "pop"})


class Kept(NamedTuple):
    """A dict that is bound to one variable of its file or attribute of `self`, or a record: a value of such a dict, of texts and what they name."""

    file: File
    node: ast.Dict

    def values(self) -> Places:
        """Return what it holds, also what is set later; with their files."""
        found: Places = [(self.file, each) for each in self.node.values]
        holder = target(self.file, self.node)
        for home, load in (_loads(self.file, holder) or []) if holder is not None else []:
            written = home.parents.get(home.parents[load]) if _is_written(load, home) else None
            if isinstance(written, ast.Assign):
                found.append((home, written.value))
        return found

    def is_asked_for_keys(self) -> bool:
        """Return whether the program asks which keys it has."""
        holder = target(self.file, self.node)
        return holder is not None and any(_is_asked_for_a_key(load, home) for home, load in _loads(self.file, holder) or [])

    def named(self, name: ast.expr) -> Places:
        """Return what it may give for a key: the one value where each key is written, else all."""
        every = self.values()
        if isinstance(name, ast.Constant) and len(every) == len(self.node.values) and _has_names(self.node):
            same = [
                value
                for each, value in zip(self.node.keys, self.node.values, strict=True)
                if isinstance(each, ast.Constant) and each.value == name.value
            ]
            return [(self.file, each) for each in same] or every
        return every


def lookups(file: File, node: ast.Dict, value: ast.expr | None = None) -> Places:
    """Return what reads single values of a dict, in all files of a program; none where anything else is done with it.

    Args:
        file: Its file.
        node: The dict, as its variable is bound to it, or a record.
        value: One of its values; of a record, only what reads this one counts.
    """
    found = _reads(file, node) or []
    if value is None or target(file, node) is not None:
        return found
    name = next(name for name, each in zip(node.keys, node.values, strict=True) if each is value)
    return [(home, each) for home, each in found if isinstance(name, ast.Constant) and _name(each) == name.value]


def dictionary(file: File, node: ast.expr) -> Kept | None:
    """Return the dict that an expression reads or sets a single value of; None for another expression."""
    found = _dict_of(file, node)
    reads = _reads(*found) if found is not None else None
    is_set = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    return found if reads is not None and (is_set or any(read is node for _, read in reads)) else None


def records(file: File, node: ast.expr) -> list[Kept]:
    """Return the records that an expression may read a value of: `METRICS[name]["measure"]`; none for another expression."""
    holder = place(node)
    for outer in _entries(file, holder) if holder is not None else ():
        found = [Kept(home, each) for home, each in outer.values() if isinstance(each, ast.Dict)]
        if found and all(any(read is node for _, read in _reads(*each) or []) for each in found):
            return found
    return []


def _entries(file: File, node: ast.expr, depth: int = 3) -> Iterator[Kept]:
    """Yield the dict that an expression, or what a variable or function gives, may read a record of."""
    outer = dictionary(file, node)
    if outer is not None:
        yield outer
    elif depth and isinstance(node, ast.Name) and (slot := file.slot(node)) is not None:
        for value in [_bound(file, store) for store in slot.stores]:
            yield from _entries(file, value, depth - 1) if value is not None else ()
    elif depth and isinstance(node, ast.Call):
        for home, value in returned(file, strings.tail(node.func)):
            yield from _entries(home, value, depth - 1)


def given(file: File, node: ast.expr) -> list[tuple[Kept, Places]]:
    """Return the dicts that an expression may read a single value of, each with what it may give; none for another expression."""
    name = key(node)
    flat = dictionary(file, node)
    found = [flat] if flat is not None else records(file, node)
    return [(each, each.named(name)) for each in found] if name is not None else []


def _reads(file: File, node: ast.Dict) -> Places | None:
    """Return what reads single values of a dict; None where anything else is done with it."""
    holder = target(file, node)
    if holder is None:
        return _reads_of_record(file, node)
    loads = _loads(file, holder)
    if loads is None:
        return None
    found: Places = []
    for home, load in loads:
        read = _read(load, home)
        if read is not None:
            found.append((home, read))
        elif not _is_written(load, home) and not _is_asked_for_a_key(load, home) and not _is_emptied(load, home):
            return None
    return found


def _reads_of_record(file: File, node: ast.Dict) -> Places | None:
    """Return what reads single values of a record; None where that is no record, or anything else is done with one of its dict."""
    parent = file.parents.get(node)
    outer: Kept | None = None
    if isinstance(parent, ast.Dict) and node in parent.values:
        outer = Kept(file, parent) if target(file, parent) is not None else None
    elif isinstance(parent, ast.Assign) and parent.value is node and len(parent.targets) == 1:
        outer = _dict_of(file, parent.targets[0])
    reads = _reads(*outer) if outer is not None else None
    if outer is None or reads is None or not all(isinstance(each, ast.Dict) and _has_names(each) for _, each in outer.values()):
        return None
    found: Places = []
    for home, read in reads:
        inner = _reads_of_entry(home, read)
        if inner is None:
            return None
        found += [each for each in inner if each not in found]
    return found


def _reads_of_entry(file: File, node: ast.expr, depth: int = 3) -> Places | None:
    """Return what reads single values of the record that an expression gives, by their names; None where anything else is done with it."""
    one = _read(node, file)
    if one is not None:
        return [(file, one)] if _name(one) is not None else None
    if _is_test(node, file):
        return []
    entry, parent = target(file, node), file.parents.get(node)
    slot = file.slot(entry) if isinstance(entry, ast.Name) else None
    function = file.function(node) if isinstance(parent, ast.Return) else None
    below: Places = []
    if slot is not None and all(target(file, value) is store for store in slot.stores if (value := _bound(file, store)) is not None):
        below = [(file, load) for load in slot.loads]
    elif depth and isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        below = list(callers(file, function) or [])
    found: Places = []
    for home, each in below:
        inner = _reads_of_entry(home, each, depth - 1)
        if inner is None:
            return None
        found += inner
    return found if below else None


def _bound(file: File, store: ast.AST) -> ast.expr | None:
    parent = file.parents.get(store)
    return parent.value if isinstance(parent, ast.Assign) else None


def _is_test(node: ast.expr, file: File) -> bool:
    """Return whether a condition asks whether there is an object: `if entry is None`, `if not entry`."""
    parent = file.parents.get(node)
    if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
        node, parent = parent, file.parents.get(parent)
    if isinstance(parent, ast.Compare):
        others = [each for each in [parent.left, *parent.comparators] if each is not node]
        return len(others) == 1 and isinstance(others[0], ast.Constant) and others[0].value is None
    return isinstance(parent, (ast.If, ast.IfExp)) and parent.test is node


def _has_names(node: ast.Dict) -> bool:
    return all(isinstance(each, ast.Constant) for each in node.keys)


def _dict_of(file: File, node: ast.expr) -> Kept | None:
    holder = place(node)
    found = stored(file, holder) if isinstance(holder, (ast.Name, ast.Attribute)) else None
    return Kept(found[0], found[1]) if found is not None and isinstance(found[1], ast.Dict) else None


def place(node: ast.expr) -> ast.expr | None:
    """Return what an expression reads or sets a single value of."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _GIVES:
        return node.func.value
    return node.value if isinstance(node, ast.Subscript) else None


def key(node: ast.expr) -> ast.expr | None:
    """Return by which key an expression reads or sets a single value."""
    if isinstance(node, ast.Call):
        return node.args[0] if node.args else None
    return node.slice if isinstance(node, ast.Subscript) else None


def _name(node: ast.expr) -> object:
    found = key(node)
    return found.value if isinstance(found, ast.Constant) else None


def _loads(file: File, holder: ast.expr) -> Places | None:
    """Return what reads the variable or attribute of a dict, in all files of a program; None where it is set again, or not all of that is known."""
    if isinstance(holder, ast.Attribute):
        return _loads_of_self(file, holder)
    slot = file.slot(holder)
    if slot is None or slot.stores != [holder]:
        return None
    for home, each in file.files.reads(slot.name):
        # What gets it by `import *` has no variable that could be followed.
        if home.slot(each) is None and (home.starred(slot.name) or (home, None))[1] is slot:
            return None
    return readers(file, holder)


def _loads_of_self(file: File, holder: ast.Attribute) -> Places | None:
    owner = _class(file, holder)
    if owner is None:
        return None
    found: Places = []
    for home, each in file.files.attributes(holder.attr):
        if each is holder or each in home.by_node or _is_of_import(each.value, home):
            continue
        of_self = _class(home, each)
        if of_self is None or owner.name in {ast.unparse(base).rpartition(".")[2] for base in of_self.bases}:
            return None
        if of_self is owner:
            if not isinstance(each.ctx, ast.Load):
                return None
            found.append((home, each))
    return found


def _class(file: File, node: ast.Attribute) -> ast.ClassDef | None:
    """Return the class whose `self` has an attribute; None for one of another object."""
    if not isinstance(node.value, ast.Name) or node.value.id != "self":
        return None
    return file.class_around(node)


def _is_of_import(node: ast.expr, file: File) -> bool:
    """Return whether an expression is a module or another name that an import of no file of the program brings."""
    alias = file.import_of(node)
    return alias is not None and file.origin(alias) is None and file.value(node).meaning != "module"


def _read(load: ast.expr, file: File) -> ast.expr | None:
    parent = file.parents.get(load)
    if isinstance(parent, ast.Subscript) and parent.value is load and isinstance(parent.ctx, ast.Load):
        return parent
    call = file.call(parent) if isinstance(parent, ast.Attribute) and parent.attr in _GIVES else None
    is_known = call is not None and not call.keywords and 1 <= len(call.args) <= 2
    return (
        call
        if is_known and call is not None and all(isinstance(each, ast.Constant) and each.value is None for each in call.args[1:])
        else None
    )


def _is_written(load: ast.expr, file: File) -> bool:
    parent = file.parents.get(load)
    if not isinstance(parent, ast.Subscript) or parent.value is not load or not isinstance(parent.ctx, ast.Store):
        return False
    return isinstance(file.parents.get(parent), ast.Assign)


def _is_emptied(load: ast.expr, file: File) -> bool:
    """Return whether a statement takes one value out of a dict, or all: `del spans[name]`, `spans.clear()`."""
    parent = file.parents.get(load)
    if isinstance(parent, ast.Subscript):
        return parent.value is load and isinstance(parent.ctx, ast.Del)
    call = file.call(parent) if isinstance(parent, ast.Attribute) else None
    return isinstance(parent, ast.Attribute) and parent.attr in _EMPTIES and call is not None and file.is_alone(call)


def _is_asked_for_a_key(load: ast.expr, file: File) -> bool:
    parent = file.parents.get(load)
    is_last = isinstance(parent, ast.Compare) and parent.comparators == [load]
    return is_last and isinstance(parent, ast.Compare) and isinstance(parent.ops[0], (ast.In, ast.NotIn))
