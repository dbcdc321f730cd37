"""Classes of OpenCensus's metrics in annotations: what becomes of the objects says which type they have then."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.rewrite.edits import Edit
from opencensus_compat.rewrite.rules.metrics import legacy, maps, parts
from opencensus_compat.rewrite.rules.metrics.views import MEASURES, METRICS_EXPORTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_TYPES = {
    maps.MAP: "dict",
    "tags.tag_map.TagMap": "dict",
    "tags.tag_key.TagKey": "str",
    "tags.tag_value.TagValue": "str",
}
"""Class -> the type of what takes the place of its objects."""
_GONE = frozenset({"stats.view.View", "stats.view_manager.ViewManager", "stats.stats_recorder.StatsRecorder", METRICS_EXPORTER})
"""Classes of objects that nothing takes the place of."""


def beside(rewriters: Mapping[str, Rewriter]) -> dict[str, Rewriter]:
    """Return rewriters that see to annotations as well."""
    return {rule: _beside(rewriter) for rule, rewriter in rewriters.items()}


def _beside(rewriter: Rewriter) -> Rewriter:
    def rewritten(use: Found, file: File) -> Outcome:
        if use.symbol in _GONE or use.symbol in _TYPES or use.symbol in MEASURES:
            node = use.node
            if isinstance(node, ast.Constant) or (isinstance(node, (ast.Name, ast.Attribute)) and file.is_annotation(node)):
                return _annotation(use, node, file)
        return rewriter(use, file)

    return rewritten


def _annotation(use: Found, node: ast.expr, file: File) -> Outcome:
    around = next(each for each in file.up(node) if isinstance(each, (ast.arg, ast.stmt)))
    if use.symbol in _TYPES:
        return _named(use, node, _TYPES[use.symbol], file)
    if use.symbol in MEASURES:
        if isinstance(around, ast.AnnAssign) and around.value is not None and around.annotation is node and not _is_of_class(around, file):
            return [Edit(file.end(around.target), file.end(node), b"")]
        return _named(use, node, file.need("from typing import Any", node), file)
    if isinstance(around, ast.arg):
        slot = file.slot(around)
        is_needed = slot is not None and any(legacy.is_needed(load, file) for load in slot.loads)
        if is_needed or parts.of_parameter(around, file) is not None:
            return []
    if isinstance(around, ast.AnnAssign):
        if around.value is None and not (_is_of_class(around, file) and _is_special(around, file)):
            return [file.delete(around)]
        if around.value is not None and not isinstance(around.value, ast.Constant):
            # The statement goes with the object.
            return []
    return _named(use, node, "object", file)


def _named(use: Found, node: ast.expr, name: str, file: File) -> Outcome:
    if not isinstance(node, ast.Constant):
        return [file.replace(node, name)]
    quoted = file.in_quotes(use, name)
    return Ask("What is this text used for?") if quoted is None else [quoted]


def _is_of_class(statement: ast.stmt, file: File) -> bool:
    return isinstance(file.parents.get(statement), ast.ClassDef)


def _is_special(statement: ast.stmt, file: File) -> bool:
    """Return whether the annotations of a class may be its fields."""
    owner = file.parents.get(statement)
    return isinstance(owner, ast.ClassDef) and bool(owner.decorator_list or owner.bases or owner.keywords)
