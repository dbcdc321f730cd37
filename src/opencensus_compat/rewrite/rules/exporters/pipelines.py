"""Programs whose spans go several ways: each exporter becomes a `SpanPipeline` in its place, of which tracers and middlewares have providers.

`configure` sets up one way for a process. It cannot stand for exporters with different options, samplers or telemetry processors.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import imports
from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.made import EXPORTER, is_azure, readers, stays, target
from opencensus_compat.rewrite.rules.exporters import legacy, processors, shared
from opencensus_compat.rewrite.rules.exporters.options import IN_STARS, options, renamed
from opencensus_compat.rewrite.rules.exporters.providers import takers
from opencensus_compat.rewrite.rules.exporters.several import stay
from opencensus_compat.rewrite.rules.exporters.ways import are_separate, exporters, taken
from opencensus_compat.rewrite.rules.traces import samplers

if TYPE_CHECKING:
    from collections.abc import Callable

    from opencensus_compat.rewrite.context import File, Outcome
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_TRACE = "from opentelemetry import trace"
_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)


def exporter(use: Found, call: ast.Call, file: File) -> list[Edit] | None:
    """Return the edits that make an exporter a pipeline; None for one that no tracer or middleware has."""
    if not any((file, call) in found for _, _, found in taken(file)):
        return None
    if file.has_stars(call):
        raise Refused(IN_STARS)
    edits = renamed(call, file, "traces")
    shared.cover_options(call, file)
    return [file.replace(call.func, named(use.node, file)), *edits]


def processor(use: Found, file: File) -> Outcome:
    """`exporter.add_telemetry_processor(...)` stays on a pipeline, and on an exporter that stays."""
    if use.symbol.startswith(f"{EXPORTER}.") and file.call(use.node) is not None and are_separate(file):
        return []
    stays = legacy.of(use.node.value, file) if isinstance(use.node, ast.Attribute) else None
    if stays is not None:
        # It waits for the tracers that have the exporter, while there are some.
        is_awaited = any(legacy.of(each.exporter, home) == stays for home, each in takers(file))
        return [] if is_awaited else Keep("stays with the exporter that has it")
    return processors.processor(use, file)


def provider(
    node: ast.expr, sampler: ast.expr | None, use: Found, file: File, default: Callable[[File, Found], str] = samplers.default_sampler
) -> str:
    """Return the source of the provider that a tracer or middleware has.

    Args:
        node: Its exporter.
        sampler: Its sampler; None where none is given.
        use: Its use.
        file: Its file.
        default: Returns the source of the sampler that it has without one.

    Raises:
        Refused: It may have another exporter, or no sampler.
    """
    found, may_be_none = exporters(node, file)
    if not found:
        raise Refused(Keep("what makes its exporter is not known"))
    if sampler is not None and held(file, sampler) is None:
        if held(file, sampler, or_none=True) is not None:
            raise Refused(
                Ask(
                    "Which sampler is meant where it is None? OpenCensus takes one trace in 10,000 then. Write `sampler=`, and run "
                    "`rewrite` again."
                )
            )
        if stay(found):
            raise Refused(
                Ask(
                    "Which sampler is meant? The tracer gets one that is made outside of these files. Make it on the line of the "
                    "tracer, and run `rewrite` again."
                )
            )
    of_sampler = f"sampler={default(file, use) if sampler is None else file.render(sampler)}"
    condition = node if isinstance(node, ast.IfExp) else None
    if condition is not None and may_be_none:
        test, part = file.render(condition.test), condition.body
        rest = _without_exporter(of_sampler, use, file)
        return f"({_pipeline(part, use, file)}.tracer_provider({of_sampler}) if {test} else {rest})"
    text = f"{_pipeline(node, use, file)}.tracer_provider({of_sampler})"
    if may_be_none:
        if not isinstance(node, (ast.Name, ast.Attribute)):
            raise Refused(Ask("Where do the spans go when there is no exporter?"))
        return f"({text} if {file.text(node)} is not None else {_without_exporter(of_sampler, use, file)})"
    return text


def kept(node: ast.expr, user: ast.expr, file: File) -> list[Edit]:
    """Return the edits that make pipelines of the exporters which stay, of those that a tracer or middleware may have; the first one that has them does it.

    Args:
        node: Its exporter.
        user: What makes the tracer, or puts the middleware in.
        file: Its file.

    Raises:
        Refused: Something is done with one of them that a pipeline has not.
    """
    edits: list[Edit] = []
    for home, call in stay(exporters(node, file)[0]):
        place = target(home, call)
        if place is not None and any(isinstance(where.parents.get(load), ast.Attribute) for where, load in readers(home, place)):
            raise Refused(shared.BESIDES)
        home.cover(call)
        users = [(other.path, other.start(each.node)) for other, each, found in taken(file) if (home, call) in found]
        if call is node or (file.path, file.start(user)) != min(users):
            continue
        before = len(home.needs)
        edits += imports.of_file([home.replace(call, _through(call, home))], home, call, before, file)
    return edits


def _through(call: ast.Call, file: File) -> str:
    adapter = file.need(f"from {legacy.MODULE} import {legacy.ADAPTER}", call)
    return f"{named(call, file)}.through({adapter}({file.text(call)}))"


def tracer_around(node: ast.AST, file: File) -> str:
    """Return the source of a tracer whose spans go where those of the latest tracer go."""
    if are_separate(file):
        return f"{of_libraries(node, file)}.get_tracer(__name__)"
    return f"{file.need(_TRACE, node)}.get_tracer(__name__)"


def of_libraries(node: ast.AST, file: File) -> str:
    """Return the source of the provider for libraries."""
    return f"{file.need('from appinsights_exporter import latest_provider', node)}()"


def named(node: ast.AST, file: File) -> str:
    """Return what a file calls the class of pipelines."""
    return file.need("from appinsights_exporter import SpanPipeline", node)


def _without_exporter(of_sampler: str, use: Found, file: File) -> str:
    return f"{file.need('from opentelemetry.sdk.trace import TracerProvider', use.node)}({of_sampler}, shutdown_on_exit=False)"


def _pipeline(node: ast.expr, use: Found, file: File) -> str:
    """Return the source of a pipeline that is made in place, or of what holds it."""
    if isinstance(node, ast.Call) and is_azure(file, node):
        if file.has_stars(node):
            raise Refused(IN_STARS)
        text = f"{named(use.node, file)}({', '.join(options(node, file, 'traces'))})"
        shared.cover_options(node, file)
        file.cover(node)
        return text
    if isinstance(node, ast.Call) and stay([(file, node)]) and stays(node, file):
        return _through(node, file)
    text = file.render(node)
    return text if isinstance(node, _ATOMS) else f"({text})"
