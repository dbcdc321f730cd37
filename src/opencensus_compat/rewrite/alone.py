"""A file that changes alone: a tracer of its own stands in the place of another module's, which is imported for what it sets up."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import imports
from opencensus_compat.scan.values import SENDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.rewrite.following.programs import Surroundings

_TRACER = "trace.tracer.Tracer"


def is_tracer(file: File, alias: ast.alias) -> bool:
    """Return whether an import is of a tracer that another file makes."""
    return any(use.rule == "I007" and use.symbol == _TRACER for use in file.by_node.get(alias, ())) and (
        file.bindings.slots[alias].loads != [] and file.value(file.bindings.slots[alias].loads[0]).meaning in {"instance", "other"}
    )


def own_tracer(
    file: File, alias: ast.alias, files: Mapping[str, File], around: Surroundings, find: Callable[[str, int, str], str | None]
) -> list[Edit]:
    """Return the edits that give a file a tracer of its own.

    Args:
        file: The file.
        alias: The import of the other one.
        files: All files of the run.
        around: Those around them.
        find: The file of a module that an import statement in another names.
    """
    tracer = f"{imports.early(file, 'from opentelemetry import trace', alias)}.get_tracer(__name__)"
    statement = file.statement(alias)
    assert isinstance(statement, ast.ImportFrom)
    home = find(file.path, statement.level, statement.module or "")
    others = [each for each in file.kinds[ast.ImportFrom] if each is not statement and file.parents.get(each) is file.tree]
    stays = any(
        find(file.path, each.level, each.module or "") == home and not all(is_tracer(file, one) for one in each.names) for each in others
    )
    # The face of the package around is imported by then.
    is_face = bool(statement.level) and not statement.module
    is_lost = home is not None and not stays and not is_face and any(_sets_up(path, files, around) for path in around.imported_by(home))
    return imports.instead(file, alias, tracer, keep_module=is_lost)


def _sets_up(path: str, files: Mapping[str, File], around: Surroundings) -> bool:
    """Return whether a file sets up what is sent as it is imported."""
    file = files.get(path)
    if file is not None and any(use.symbol in SENDERS or use.rule == "T001" for use in file.uses):
        return True
    return around.sets_up(path, file.source if file is not None else None)
