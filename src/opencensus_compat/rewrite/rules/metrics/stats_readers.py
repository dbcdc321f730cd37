"""The reader that hands OpenTelemetry's instruments to exporters of stats which stay: `LegacyStatsReader`, and what it has to know of the views."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.made import called
from opencensus_compat.rewrite.rules.metrics import legacy
from opencensus_compat.rewrite.rules.metrics.tags import text_of
from opencensus_compat.rewrite.rules.metrics.views import EXPORTERS, View, create, made_list

if TYPE_CHECKING:
    import ast

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.python_uses import Found

_READER = "LegacyStatsReader"
_MODULE = "opencensus_compat.legacy_stats_exporters"
_VIEW = "stats.view.View"


_WHICH = Ask("Which exporter sets the meter provider? `metric_readers=[LegacyStatsReader()]` of it serves the exporters that stay.")


def beside(use: Found, call: ast.Call, at: ast.stmt, file: File) -> tuple[list[str], list[str]]:
    """Return the reader that exporters which stay need of the provider of another exporter, and the statement that makes it; nothing where none stays.

    Args:
        use: The other exporter.
        call: What makes it.
        at: The statement before which it is made.
        file: Its file.

    Raises:
        Refused: Which exporter sets the provider is not known, or what the reader has to know is not known.
    """
    if not legacy.places(file):
        return [], []
    if len(others(file)) > 1 or not legacy.are_served_by(call, file):
        raise Refused(_WHICH)
    name, line = made_for(use, at, file)
    return [name], [line]


def others(file: File) -> list[ast.Call]:
    """Return the calls of a program that make exporters which set the meter provider themselves."""
    return [call for home in file.files.values() for symbol in EXPORTERS for call in called(home, symbol)]


def made_for(use: Found, statement: ast.stmt, file: File) -> tuple[str, str]:
    """Return the name of the reader's variable, and the statement that makes it.

    Raises:
        Refused: What the exporter is to say of a metric is not known.
    """
    name = file.free_name("stats_reader")
    cls = file.need(f"from {_MODULE} import {_READER}", use.node)
    columns, floats = _described(file)
    arguments = [f"{{{', '.join(f'{json.dumps(key)}: {json.dumps(keys)}' for key, keys in columns.items())}}}"] if columns else []
    arguments += [f"floats={json.dumps(floats)}"] if floats else []
    indentation = file.indentation(statement)
    return name, f"{name} = {create(cls, arguments, indentation, len(indentation) + len(name) + 3, file)}"


def _described(file: File) -> tuple[dict[str, list[str]], list[str]]:
    """Return of the views of a program the tag keys by name, and the names of those with floating-point numbers.

    A view that a reader knows all of by its points is left out.
    """
    columns: dict[str, list[str]] = {}
    floats = []
    for view in (View(home, call) for home in file.files.values() for call in called(home, _VIEW)):
        name = text_of(view.part(0, "name"), view.file)
        if name is None:
            raise Refused(
                Ask(f"Which name has this view? `{_READER}` has to be given it, for an exporter of OpenCensus is to get its metric.")
            )
        found = made_list(view.file, view.part(2, "columns"))
        keys = [text_of(each, found[0]) for each in found[1].elts] if found is not None else [None]
        if None in keys:
            raise Refused(Ask("Which tag keys has this view? Others of a tag map are no attributes."))
        has_number = view.kind in {"SumAggregation", "LastValueAggregation"}
        if keys or has_number or name != name.lower():
            columns[name] = [each for each in keys if each is not None]
        if has_number and _is_float(view):
            floats.append(name)
    return columns, floats


def _is_float(view: View) -> bool:
    found = held(view.file, view.part(3, "measure"))
    kinds = {home.symbol(call) for home, call in found or []}
    if len(kinds) != 1:
        raise Refused(Ask("Which measure has this view?"))
    return kinds.pop().endswith("Float")
