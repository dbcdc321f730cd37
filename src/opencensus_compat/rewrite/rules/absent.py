"""Names that the last release of OpenCensus does not have: what a person is asked about each."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_MOVED = (
    (r"trace\.exporters\.transports\.background_thread\.BackgroundThreadTransport\b", "common.transports.async_.AsyncTransport"),
    (r"trace\.exporters\.transports\.background_thread\b", "common.transports.async_"),
    (r"trace\.exporters\.transports\b", "common.transports"),
    (r"trace\.exporters\.base\b", "trace.base_exporter"),
    (r"trace\.exporters\.(print|file|logging)_exporter\b", r"trace.\1_exporter"),
    (r"trace\.exporters\.(\w+?)(?:_exporter|\.trace_exporter)\b", r"ext.\1.trace_exporter"),
    (r"trace\.ext\b", "ext"),
    (r"stats\.exporters\.base\b", "stats.base_exporter"),
    (r"stats\.exporters\.(\w+?)(?:_exporter)?\b", r"ext.\1.stats_exporter"),
)
"""Name of an early release -> that of the last one."""
_STATS = "stats.stats.Stats"


def never(use: Found, file: File) -> Outcome:
    """A name that no release has is asked about by itself."""
    name = use.symbol.rpartition(".")[2]
    if not name.isidentifier():
        return Ask(BY_ID[use.rule].question)
    return Ask(f"No release of OpenCensus has `{name}`: does this line ever run? Delete it, or name what is meant.")


def early(use: Found, file: File) -> Outcome:
    """A name that has moved is asked about with its new place."""
    name = _today(use.symbol)
    if name is None:
        return Ask(BY_ID[use.rule].question)
    return Ask(
        f"Does this run on a release before 0.3? Later ones have `opencensus.{name}` in its place: `--include X003` writes that first."
    )


def _today(symbol: str) -> str | None:
    """Return what the last release calls a name of an early one; None for others."""
    for old, new in _MOVED:
        name, count = re.subn(rf"^{old}", new, symbol)
        if count:
            return name
    return None


def renamed(files: Mapping[str, File]) -> Iterator[tuple[File, ast.AST, str, list[Edit]]]:
    """Yield the imports of names of early releases, each with the first name and the edits that import those of the last release; and what makes the stats."""
    for file in files.values():
        yield from _stats(file)
        for statement in file.kinds[ast.ImportFrom]:
            names = [f"{statement.module}.{alias.name}".removeprefix("opencensus.") for alias in statement.names]
            is_ours = not statement.level and (statement.module or "").startswith("opencensus.")
            moved = {name: new for name in names if is_ours and (new := _today(name)) is not None}
            if not moved:
                continue
            lines = [_import(moved.get(name, name), alias) for name, alias in zip(names, statement.names, strict=True)]
            between = f"\n{file.indentation(statement)}" if file.begins_line(statement) else "; "
            yield file, statement, next(iter(moved)), [file.replace(statement, between.join(lines)), *_members(file, statement)]


def _stats(file: File) -> Iterator[tuple[File, ast.AST, str, list[Edit]]]:
    """Yield what makes the stats in early releases, with the edits that take those of the process: `stats_module.Stats()` → `stats_module.stats`."""
    made = [(use.node, call) for use in file.uses if use.symbol == _STATS and (call := file.call(use.node)) is not None]
    for node, call in made:
        if isinstance(node, ast.Attribute) and not (call.args or call.keywords):
            yield file, call, _STATS, [file.replace(call, f"{file.text(node.value)}.stats")]
    for alias in file.kinds[ast.alias]:
        statement, slot = file.parents[alias], file.slot(alias)
        is_ours = isinstance(statement, ast.ImportFrom) and statement.module == "opencensus.stats.stats" and alias.name == "Stats"
        calls = [file.call(load) for load in slot.loads] if slot is not None and is_ours else []
        if calls and all(call is not None and not call.args and not call.keywords for call in calls):
            # The name stays, for a variable may be called `stats`.
            name = alias.asname or alias.name
            edits = [file.replace(alias, f"stats as {name}"), *(file.replace(call, name) for call in calls if call is not None)]
            yield file, statement, _STATS, edits


def _import(name: str, alias: ast.alias) -> str:
    module, _, last = name.rpartition(".")
    called = alias.asname or alias.name
    return f"from opencensus.{module} import {last}" + (f" as {called}" if called != last else "")


def _members(file: File, statement: ast.ImportFrom) -> Iterator[Edit]:
    """Yield the edits of what has another name in a module of the last release."""
    old, new = "BackgroundThreadTransport", "AsyncTransport"
    if statement.module == "opencensus.trace.exporters.transports":
        for node in file.kinds[ast.Attribute]:
            if node.attr == old and file.symbol(node).endswith(f"background_thread.{old}"):
                yield file.splice(file.end(node) - len(old), file.end(node), new, node)


REWRITERS: dict[str, Rewriter] = {"X002": never, "X003": early}
