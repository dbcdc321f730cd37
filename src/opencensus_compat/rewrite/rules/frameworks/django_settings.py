"""Settings of Django, in one file or in several that stand on each other: what they say of OpenCensus, and under which conditions."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.rules.frameworks import settings
from opencensus_compat.rewrite.texts import requirements

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.rewrite.following.bindings import Slot

_POSTGRESQL = frozenset(
    {"django.db.backends.postgresql", "django.db.backends.postgresql_psycopg2", "django.contrib.gis.db.backends.postgis"}
)
_OF_POSTGRESQL = re.compile(rb"(?<![\w-])(psycopg2?)(?:-binary|-c)?(?![\w-])")
"""Its two drivers in requirements, which are also the names of their instrumentations."""
_DRIVERS = {
    "django.db.backends.dummy": None,
    "django.db.backends.mysql": "mysqlclient",
    "django.db.backends.sqlite3": "sqlite3",
}
"""Engine of a database -> instrumentation of its driver, where there is but one driver."""
_ADD = frozenset({"append", "insert"})
_LIST = "MIDDLEWARE"


def stands_on(module: File, file: File) -> bool:
    """Return whether settings are those of a file, or have what it says."""
    return module is file or module.path in file.files.running(file.path)


def near(file: File) -> list[File]:
    """Return the files of settings that stand on a file, or on which it stands, and that file."""
    paths = {file.path} | file.files.running(file.path) | file.files.run_by(file.path)
    return [each for path, each in file.files.items() if path in paths]


def holder(file: File) -> tuple[File, ast.expr | None] | None:
    """Return the file that has OPENCENSUS, and its value where that is one; None where none has it, or several have."""
    found = [(each, slot) for each in near(file) if (slot := each.bindings.module.get("OPENCENSUS")) is not None and _is_own(slot)]
    return (found[0][0], found[0][0].only_value(found[0][1])) if len(found) == 1 else None


def _is_own(slot: Slot) -> bool:
    return not all(isinstance(store, ast.alias) for store in slot.stores)


def out_of_list(node: ast.Constant, file: File) -> Edit | None:
    """Return the edit that takes a middleware out of the settings; None where its line says more, or is of another form."""
    above, statement = file.parents.get(node), file.statement(node)
    if isinstance(above, (ast.List, ast.Tuple)) and isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        if not _is_always_there(above, statement, file):
            return None
        if above.elts[1:]:
            # With its line, where nothing else is on that.
            start, end = requirements.element(file.source.decode("latin-1"), file.start(node), file.end(node))
            return file.splice(start, end, "", node)
        if isinstance(statement, ast.AugAssign):
            return file.delete(statement) if isinstance(statement.op, ast.Add) and statement.value is above else None
        return file.replace(above, "()" if isinstance(above, ast.Tuple) else "[]") if statement.value is above else _out_of_sum(above, file)
    call = above if isinstance(above, ast.Call) and above.args and above.args[-1] is node and not above.keywords else None
    owner = call.func if call is not None and isinstance(call.func, ast.Attribute) and call.func.attr in _ADD else None
    is_of_list = owner is not None and isinstance(owner.value, ast.Name) and owner.value.id == _LIST
    return file.delete(statement) if call is not None and is_of_list and file.is_alone(call) else None


def _is_always_there(node: ast.AST, statement: ast.Assign | ast.AnnAssign | ast.AugAssign, file: File) -> bool:
    """Return whether a list is the value of a statement, or a part of a sum that is, and not one of two by a condition."""
    while node is not statement.value:
        node = file.parents[node]
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
            return False
    return True


def _out_of_sum(node: ast.expr, file: File) -> Edit | None:
    """Return the edit that takes a list out of the sum of two: `MIDDLEWARE = ["…"] + MIDDLEWARE`; None for another expression."""
    total, statement = file.parents.get(node), file.statement(node)
    if not isinstance(total, ast.BinOp) or not isinstance(total.op, ast.Add) or not isinstance(statement, ast.Assign):
        return None
    other = total.right if total.left is node else total.left
    is_same = statement.value is total and [ast.unparse(each) for each in statement.targets] == [ast.unparse(other)]
    return file.delete(statement) if is_same else file.replace(total, file.text(other))


def conditions(statement: ast.stmt, file: File) -> list[ast.expr] | None:
    """Return the conditions under which a statement of a module runs; None where it is in something else, or where they may change later."""
    found: list[ast.expr] = []
    below: ast.AST = statement
    for each in file.up(statement):
        if each is file.tree:
            return found[::-1] if all(_is_settled(test, file) for test in found) else None
        if not isinstance(each, ast.If) or below not in each.body:
            return None
        found.append(each.test)
        below = each
    return None


def _is_settled(test: ast.expr, file: File) -> bool:
    """Return whether the names of a condition mean the same when all settings are complete."""
    for node in ast.walk(test):
        found = named(node, file) if isinstance(node, ast.Name) else None
        if found is None:
            continue
        home, slot = found
        later = [store for store in slot.stores if home is file and file.start(store) > file.start(test)]
        others = (each.bindings.module.get(slot.name) for each in near(file) if each is not home)
        if later or any(other is not None and _is_own(other) for other in others):
            return False
    return True


def named(node: ast.Name, file: File) -> tuple[File, Slot] | None:
    """Return the variable that a name of settings means, of their file or of one of which they have all names; None for another name."""
    slot = file.slot(node) or file.bindings.module.get(node.id)
    return (file, slot) if slot is not None else file.starred(node.id)


def libraries(file: File) -> list[str] | None:
    """Return the instrumentations for the queries, which OpenCensus's middleware traces too; None where a driver is not known."""
    # Settings of one place, such as production.py, may add the databases to those of all.
    homes = [each for each in near(file) if (slot := each.bindings.module.get("DATABASES")) is not None and _is_own(slot)]
    if not homes:
        starred = [node for node in file.kinds[ast.ImportFrom] if any(alias.name == "*" for alias in node.names)]
        return [] if all(file.module_file(node.level, node.module or "") is not None for node in starred) else None
    found: list[str | None] = []
    for home in homes:
        every = settings.dictionary(value) if (value := home.only_value(home.bindings.module["DATABASES"])) is not None else None
        if every is None:
            return None
        for database in every.values():
            engine = (settings.dictionary(database) or {}).get("ENGINE")
            name = engine.value if isinstance(engine, ast.Constant) else None
            if name in _POSTGRESQL:
                drivers = file.around.required(home.path, _OF_POSTGRESQL) if file.around is not None else set()
                found += drivers
                if len(drivers) != 1:
                    return None
            elif isinstance(name, str) and name in _DRIVERS:
                found.append(_DRIVERS[name])
            else:
                return None
    return list(dict.fromkeys(each for each in found if each))
