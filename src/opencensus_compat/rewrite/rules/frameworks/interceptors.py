"""Interceptors of gRPC: those of OpenTelemetry's instrumentation, where that is asked for by the rule's id."""

from __future__ import annotations

import ast
import itertools
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import imports
from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following.made import is_simple, is_subclass, readers, target
from opencensus_compat.rewrite.rules.exporters import ways
from opencensus_compat.rewrite.rules.exporters.providers import GRPC_SERVER, given, taker
from opencensus_compat.rewrite.rules.traces import tracers
from opencensus_compat.scan import strings
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_CLIENT = "ext.grpc.client_interceptor.OpenCensusClientInterceptor"
_INTERCEPTORS = frozenset({_CLIENT, GRPC_SERVER})
_AIO = "ext.grpc.aio"
_INTERCEPT = "intercept_channel"
_DEPTH = 4
_ASYNCHRONOUS = Ask(
    "Where do its spans go? Write `configure(...)` with exporter and sampler, and `aio_client_interceptors()` or `aio_server_interceptor()` of "
    "opentelemetry.instrumentation.grpc."
)
_CLASS = Ask(
    "What does the class add? Write that as an interceptor of gRPC's own beside OpenCensus's, which is made without a subclass, and run "
    "`rewrite` again."
)
_PART = Ask(
    "What is this part of an interceptor needed for? OpenTelemetry's have no sampler, exporter or tracer that can be read: take it out, and "
    "run `rewrite` again."
)
_CHANNEL = Ask(
    "Which channel gets this interceptor? OpenTelemetry's stands in `intercept_channel` of opentelemetry.instrumentation.grpc.grpcext alone: "
    "give it to a `grpc.intercept_channel(channel, interceptor)` of its own, and run `rewrite` again."
)
_PRINTS = Ask(
    "Are its spans to be printed? It has no exporter here, and prints them. Give it the exporter that is meant, or take it out of the server, "
    "and run `rewrite` again."
)
_TRACER = Ask("Which tracer has it? Make the tracer on a line of its own, and run `rewrite` again.")
_HOST = Ask("What does this call do besides? `host_port` goes with the interceptor: call it on a line of its own, and run `rewrite` again.")
_SEVERAL = Ask(
    "Which of the program's exporters gets its spans? Write `client_interceptor(tracer_provider=...)` of opentelemetry.instrumentation.grpc "
    "with the provider of the tracer."
)


def interceptor(use: Found, file: File) -> Outcome:
    """`OpenCensusServerInterceptor(...)` → `server_interceptor()`, and `configure(...)` before it; the client's → `client_interceptor()`."""
    call = file.call(use.node)
    if use.rule not in file.accepted:
        return Ask(BY_ID[use.rule].question)
    if use.symbol.startswith(_AIO):
        return _ASYNCHRONOUS
    if is_subclass(use, file):
        return _CLASS
    if call is None or use.symbol not in _INTERCEPTORS:
        return _PART
    if file.has_stars(call):
        return Ask("Which sampler and exporter, or which tracer, are in `*` or `**`? Write them out, and run `rewrite` again.")
    return _server(use, call, file) if use.symbol == GRPC_SERVER else _client(use, call, file)


def _server(use: Found, call: ast.Call, file: File) -> Outcome:
    found = taker(call, file)
    if found is not None and found.exporter is not None:
        return tracers.set_up(use, call, None, file)
    if not _is_fallback(call, file):
        return _PRINTS
    if found is not None and found.sampler is not None:
        file.cover(found.sampler)
    return [file.replace(call, tracers.in_place(use, call, file))]


def _is_fallback(call: ast.Call, file: File) -> bool:
    """Return whether an interceptor is that of a program whose exporter cannot be made: it stands in the `except` of what makes the other one."""
    place = target(file, call)
    handler = next((each for each in file.up(call) if isinstance(each, ast.ExceptHandler)), None)
    above = file.parents.get(handler) if handler is not None else None
    if place is None or not isinstance(above, ast.Try):
        return False
    others = [other for each in above.body for other in ast.walk(each) if isinstance(other, ast.Call) and file.symbol(other) == GRPC_SERVER]
    return any(
        (found := taker(other, file)) is not None
        and found.exporter is not None
        and (same := target(file, other)) is not None
        and ast.unparse(same) == ast.unparse(place)
        for other in others
    )


def _client(use: Found, call: ast.Call, file: File) -> Outcome:
    tracer, host = given(call, 0, "tracer", file), file.argument(call, 1, "host_port")
    if tracer is not None and not isinstance(tracer, (ast.Name, ast.Attribute)):
        return _TRACER
    if host is not None and not is_simple(host):
        return _HOST
    if ways.are_separate(file):
        return _SEVERAL
    if tracer is not None:
        file.cover(tracer)
    edits = [file.replace(call, tracers.in_place(use, call, file))]
    for home, channel in _channels(file, call):
        if _first(home, channel, file) is not call:
            continue
        before = len(home.needs)
        name = home.need(f"from opentelemetry.instrumentation.grpc.grpcext import {_INTERCEPT}", channel)
        edits += imports.of_file([home.replace(channel.func, name)], home, channel, before, file)
    return edits


def _channels(file: File, node: ast.expr, depth: int = _DEPTH) -> Iterator[tuple[File, ast.Call]]:
    """Yield the calls that give channels an interceptor, with their files.

    Raises:
        Refused: It goes elsewhere, or there are others beside it.
    """
    parent, place = file.parents.get(node), target(file, node)
    if not depth:
        raise Refused(_CHANNEL)
    if isinstance(parent, ast.Call) and node in parent.args and strings.tail(parent.func) == _INTERCEPT:
        if not _is_of_grpc(parent.func, file) or parent.args[1:] != [node] or parent.keywords:
            raise Refused(_CHANNEL)
        yield file, parent
    elif place is not None:
        for home, load in readers(file, place):
            yield from _channels(home, load, depth - 1)
    elif isinstance(parent, ast.Return) and isinstance(function := file.function(node), ast.FunctionDef):
        for home, each in file.files.reads(function.name):
            call = home.call(each)
            if call is None or function.decorator_list or len(home.files.functions(function.name)) > 1:
                raise Refused(_CHANNEL)
            yield from _channels(home, call, depth - 1)
    elif not file.is_alone(node):
        raise Refused(_CHANNEL)


def _is_of_grpc(node: ast.expr, file: File) -> bool:
    """Return whether a function is `intercept_channel` of gRPC itself."""
    alias = file.import_of(node)
    statement = file.parents.get(alias) if alias is not None else None
    if isinstance(statement, ast.Import) and alias is not None:
        return alias.name == "grpc"
    return isinstance(statement, ast.ImportFrom) and statement.module == "grpc" and not statement.level


def _first(file: File, channel: ast.Call, near: File) -> ast.Call | None:
    """Return the first interceptor of a file that may come to a channel: with its edits the channel's stand."""
    found = [call for use in near.uses if use.symbol == _CLIENT and (call := near.call(use.node)) is not None]
    return min((call for call in found if (file, channel) in _channels(near, call)), key=near.start, default=None)


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, the interceptors of a file: several may stand in one variable, and come from one import."""
    for file in files:
        yield from itertools.pairwise([use for use in file.uses if use.rule == "W014" and isinstance(use.node, ast.expr)])


REWRITERS: dict[str, Rewriter] = {"W014": interceptor}
