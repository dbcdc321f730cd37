"""Exporters that are made in one place and handed on to tracers and middlewares in others: `configure` stands where they are made."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.made import is_azure, maker, readers, target
from opencensus_compat.rewrite.imports import without_names
from opencensus_compat.rewrite.rules.exporters import handed, processors, setups
from opencensus_compat.rewrite.rules.exporters.options import IN_STARS, options
from opencensus_compat.rewrite.rules.exporters.providers import GRPC_SERVER, TRACER, Taker, context_given, given, takers
from opencensus_compat.rewrite.rules.traces import samplers

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

SAMPLERS = Ask(
    "Which sampler is meant? The tracers with this exporter have several, and a process has one. Give them all the "
    "same one, and run `rewrite` again."
)
BESIDES = Ask("What is the exporter needed for besides tracers? Make another exporter for that, and run `rewrite` again.")


def configured(use: Found, call: ast.Call, file: File) -> list[Edit] | None:
    """Return the edits that make an exporter which other places get a call of `configure`; None for one that tracers beside it have.

    Raises:
        Refused: It is needed for something else, or its tracers sample in other ways.
    """
    users = users_of(call, file)
    place, statement = target(file, call), file.statement(call)
    is_returned = isinstance(statement, ast.Return) and statement.value is call
    if not users or (place is None and not is_returned):
        return None
    arguments = {id(each.exporter) for _, each in users}
    kinds = {each.kind(home) for home, each in users}
    keywords = []
    for home, load in readers(file, place) if place is not None else ():
        part = handed.of_keyword(load, home)
        is_handed_on = isinstance(home.parents.get(load), ast.Return)
        if part is not None:
            kinds.add(handed.sampler_kind(part, home))
            keywords.append((home, load))
        elif id(load) not in arguments and processors.addition(load, home) is None and not is_handed_on:
            raise Refused(BESIDES)
    if len(kinds) > 1 or None in kinds:
        raise Refused(SAMPLERS)
    if file.has_stars(call) or call.args:
        raise Refused(IN_STARS)
    parts = [*options(call, file, "traces"), *processors.argument(call, file, statement), 'signals=["traces"]']
    has_caller = bool(keywords) or any(is_continued(each, home) for home, each in users)
    parts.append(f"sampler={samplers.of_kind(next(iter(kinds)), use, file, has_caller=has_caller)}")
    text = f"{file.need('from appinsights_exporter import configure', use.node)}({', '.join(parts)})"
    cover_options(call, file)
    is_named = place is not None and any(isinstance(home.parents.get(load), ast.Return) for home, load in readers(file, place))
    edits = [file.replace(call if is_returned or is_named else statement, text)]
    for home, load in keywords:
        if home is file:
            edits.append(handed.without_keyword(load, file))
        else:
            file.elsewhere.append((home, home.statement(load), [handed.without_keyword(load, home)], []))
    return edits


def users_of(call: ast.Call, file: File) -> list[tuple[File, Taker]]:
    """Return the tracers and middlewares of the program that have the exporter which a call makes elsewhere."""
    return [
        (home, each)
        for home, each in takers(file)
        if each.exporter is not None and (found := maker(each.exporter, home)) is not None and found[1] is call
    ]


def is_continued(taker: Taker, file: File) -> bool:
    """Return whether a tracer continues traces from outside."""
    symbol = file.symbol(taker.node)
    return isinstance(taker.node, ast.Call) and (
        symbol == GRPC_SERVER or (symbol == TRACER and context_given(taker.node, file) is not None)
    )


def before_class(use: Found, call: ast.Call, file: File) -> list[Edit] | None:
    """Return the edits that configure before a class gets an exporter, and no longer hand it to that; None for another exporter.

    Raises:
        Refused: It is needed for something else, or its tracers sample in ways that are not known.
    """
    place, statement = target(file, call), file.statement(call)
    slot = file.slot(place) if isinstance(place, ast.Name) else None
    values = [load for load in slot.loads if processors.addition(load, file) is None] if slot is not None else [call]
    parts = [handed.of_keyword(each, file) for each in values]
    part = parts[0] if len(parts) == 1 else None
    if part is None or (slot is not None and file.only_value(slot) is not call):
        return None
    if file.has_stars(call) or call.args:
        raise Refused(IN_STARS)
    of_sampler = handed.sampler_kind(part, file)
    if of_sampler is None:
        raise Refused(SAMPLERS)
    setups.check_exporter(call, of_sampler, file)
    arguments = [*options(call, file, "traces"), *processors.argument(call, file, statement), 'signals=["traces"]']
    arguments.append(f"sampler={samplers.of_kind(of_sampler, use, file, has_caller=True)}")
    text = f"{file.need('from appinsights_exporter import configure', use.node)}({', '.join(arguments)})"
    cover_options(call, file)
    first = file.insert_before(statement, text) if slot is None else file.replace(statement, text)
    return [first, handed.without_keyword(values[0], file)]


def cover_options(call: ast.Call, file: File) -> None:
    """Note that what an exporter's options use goes with it."""
    for keyword in call.keywords:
        file.cover(keyword.value)
        file.covered.update(file.by_node.get(keyword, ()))


def import_without(node: ast.expr, sampler: ast.expr | None, file: File) -> list[Edit]:
    """Return the edits that import the module of an exporter for what it sets up alone, where it was imported by name.

    Args:
        node: The exporter of a tracer or middleware.
        sampler: Its sampler, whose import goes with the exporter's where nothing else reads it.
        file: The file.
    """
    alias, slot = _imported(node, file), file.slot(node)
    # The first of several tracers does it.
    if alias is None or slot is None or slot.loads[0] is not node:
        return []
    other = _imported(sampler, file)
    is_alone = (
        other is not None
        and file.statement(other) is file.statement(alias)
        and sampler is not None
        and readers(file, sampler) == [(file, sampler)]
    )
    return without_names(file, [alias, other] if other is not None and is_alone else [alias])


def _imported(node: ast.expr | None, file: File) -> ast.alias | None:
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    return slot.stores[0] if slot is not None and slot.stores and isinstance(slot.stores[0], ast.alias) else None


def chosen(node: ast.expr, file: File) -> ast.IfExp | None:
    """Return the expression that makes an exporter or none, by a condition; None for another one."""
    found = file.only_value(file.slot(node)) if isinstance(node, ast.Name) else node
    if not isinstance(found, ast.IfExp) or not is_azure(file, found.body):
        return None
    is_none = isinstance(found.orelse, ast.Constant) and found.orelse.value is None
    return found if is_none else None


def by_condition(found: ast.IfExp, call: ast.Call, use: Found, file: File) -> list[Edit]:
    """Return the edits that configure before a tracer where it has an exporter, and only sample where it has none.

    Raises:
        Refused: An option of the exporter has no counterpart.
    """
    node, statement = given(call, 1, "sampler", file), file.statement(call)
    if not isinstance(found.body, ast.Call) or found.body.args or file.has_stars(found.body):
        raise Refused(Keep("the exporter's options are not known"))
    sampler = samplers.default_sampler(file, use) if node is None else file.render(node)
    trace, configure = (
        file.need("from opentelemetry import trace", use.node),
        file.need("from appinsights_exporter import configure", use.node),
    )
    provider = file.need("from opentelemetry.sdk.trace import TracerProvider", use.node)
    arguments = [*options(found.body, file, "traces"), 'signals=["traces"]', f"sampler={sampler}"]
    test = file.render(found.test)
    file.cover(found)
    lines = [
        f"if {test}:",
        f"    {configure}({', '.join(arguments)})",
        "else:",
        f"    {trace}.set_tracer_provider({provider}(sampler={sampler}))",
    ]
    edits = [file.insert_before(statement, f"{file.line_end}{file.indentation(statement)}".join(lines))]
    if not file.begins_line(statement):
        raise Refused(Keep("nothing can be set up before this expression"))
    holder = file.statement(found)
    return edits if holder is statement else [*edits, file.delete(holder)]


def is_only(node: ast.expr, file: File) -> bool:
    """Return whether nothing but one tracer reads a variable with an exporter."""
    slot = file.slot(node)
    return slot is not None and slot.loads == [node] and slot.owner is file.owner(node)
