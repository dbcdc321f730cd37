"""Exporters of OpenCensus that stay, of other makers and the program's own: OpenTelemetry's provider hands spans to them, by `LegacyExporterProcessor`."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite import imports
from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.made import EXPORTER, is_exporter_class, loads, made, stays, stored, target
from opencensus_compat.rewrite.rules.exporters import handed, providers, several, shared, ways
from opencensus_compat.rewrite.rules.traces import samplers
from opencensus_compat.scan import strings
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

ADAPTER = "LegacyExporterProcessor"
MODULE = "opencensus_compat.legacy_exporters"
_BASE = "trace.base_exporter.Exporter"
_BLIND = (EXPORTER, "ext.zipkin.", "trace.exporters.zipkin_exporter.")
"""Exporters that show nothing of it."""
_SET = re.compile(rb"\bset_tracer_provider\(|\bconfigure\((?=[^)]*signals=\[\"traces\")")
_SEVERAL = Ask(
    "Which exporter gets the spans? A process has one tracer provider, which hands each span to all of its processors: write the set-up once, "
    "with a `LegacyExporterProcessor` for each exporter of OpenCensus that is to get them all."
)
_ONCE = Ask(
    "Where does the program run once, before its spans begin? A process has one tracer provider, with one exporter of "
    "this kind. Make exporter and tracer there, at the top of a module, and run `rewrite` again."
)
_UNKNOWN = Ask(
    "Which sampler is meant? The tracer gets several, or one that is made outside of these files, and a process has "
    "one. Make it on the line of the tracer, and run `rewrite` again."
)


class Stays(NamedTuple):
    """Exporters that stay, of which an expression holds one."""

    made: tuple[tuple[File, ast.Call], ...]
    """What makes them, and in which file."""
    or_none: bool = False
    """Whether it may hold none of them."""

    @property
    def file(self) -> File:
        """Where it is made, for one that is the only one."""
        return self.made[0][0]

    @property
    def call(self) -> ast.Call | None:
        """What makes it; None for several."""
        return self.made[0][1] if len(self.made) == 1 else None


def of(node: ast.expr | None, file: File) -> Stays | None:
    """Return the exporters that an expression may hold, where they are such that stay; None for others, and for what is not known."""
    found = made(file, node)
    if found is not None and stays(found[1], found[0]):
        return Stays((found,))
    parts = held(file, node)
    or_none = parts is None
    parts = held(file, node, or_none=True) if parts is None else parts
    calls = [(home, call) for home, call in parts or () if isinstance(call, ast.Call) and stays(call, home)]
    return Stays(tuple(calls), or_none) if parts and len(calls) == len(parts) else None


def shows(file: File) -> bool:
    """Return whether an exporter of the program that stays may show what OpenTelemetry does not keep: codes, types of links, children."""
    made_here: set[str] = set()
    for home, each in providers.takers(file):
        if (found := of(each.exporter, home)) is not None:
            made_here.update(where.symbol(call) for where, call in found.made)
    for home in file.files.values():
        for call in home.kinds[ast.Call] if ADAPTER.encode() in home.source else ():
            if strings.tail(call.func) == ADAPTER and call.args and (found := of(call.args[0], home)) is not None:
                made_here.update(where.symbol(made) for where, made in found.made)
    return any(not symbol.startswith(_BLIND) for symbol in made_here)


def check_alone(file: File) -> None:
    """Refuse a tracer or middleware whose process has spans that go to an exporter which stays, and others that go elsewhere.

    Args:
        file: Its file.

    Raises:
        Refused: A person must say who gets them.
    """
    if _SET.search(file.source) is None and not any(of(each.exporter, home) is not None for home, each in providers.takers(file)):
        return
    near = several.loaded_together(file)
    makers = {
        frozenset(call for _, call in found.made) if (found := of(each.exporter, home)) is not None else None
        for home, each in providers.takers(file)
        if each.exporter is not None and home in near
    }
    if makers - {None} and (len(makers) > 1 or any(_SET.search(home.source) for home in near)):
        raise Refused(_SEVERAL)


def set_up(found: Stays, user: ast.Call, given: providers.Taker, sampler: str, use: Found, file: File) -> list[str] | list[Edit]:
    """Return what sets a provider that hands its spans to an exporter.

    Args:
        found: The exporter.
        user: What makes the tracer, or puts the middleware in.
        given: What that is given.
        sampler: The source of its sampler, in its file.
        use: The use that it belongs to.
        file: Its file.

    Returns: lines that go before its statement; or edits, where the provider is set beside what makes the exporter, or nothing at all,
    since another tracer's use does that.

    Raises:
        Refused: It is not known that this happens once, or other spans go elsewhere.
    """
    check_alone(file)
    exporter = given.exporter
    assert exporter is not None
    for home, call in found.made:
        home.cover(call)
    users = [(home, each) for home, each in providers.takers(file) if of(each.exporter, home) == found]
    users.sort(key=lambda each: (each[0].path, each[0].start(each[1].node)))
    is_beside = isinstance(exporter, ast.Call) or several.is_in_reach(exporter, user, file)
    if len(users) == 1 and is_beside:
        if not providers.is_first(user, file) or not several.is_once(user, file):
            raise Refused(_ONCE)
        return _in_place(exporter, found, sampler, use, file)
    kinds = {each.kind(home) for home, each in users}
    if kinds == {None} and len(users) == 1:
        raise Refused(_UNKNOWN)
    if len(kinds) > 1 or None in kinds:
        raise Refused(shared.SAMPLERS)
    if found.call is None or found.or_none:
        raise Refused(_ONCE)
    if users[0][1].node is not given.node:
        return []
    return _beside_maker(found, kinds.pop(), users, use, file)


def before_class(part: handed.Handed, value: tuple[File, ast.expr], found: Stays, use: Found, file: File) -> list[Edit]:
    """Return the edits that set the provider before a class gets an exporter, and no longer hand it to that.

    Args:
        part: The parameter of the class.
        value: What it is given, and in which file.
        found: The exporter.
        use: The use of the tracer in the class.
        file: Its file.

    Raises:
        Refused: It is not known that this happens once, or how the tracers sample.
    """
    check_alone(file)
    home, node = value
    statement, kind = home.statement(node), handed.sampler_kind(part, file)
    if kind is None:
        raise Refused(shared.SAMPLERS)
    if found.or_none or _sets_one(found) or not home.begins_line(statement) or not several.is_once(node, home):
        raise Refused(_ONCE)
    for where, call in found.made:
        where.cover(call)
    before = len(home.needs)
    lines = _Lines.of(samplers.of_kind(kind, use, home, has_caller=True), use, home)
    edits = [home.insert_before(statement, each) for each in (lines.made, lines.handed(home.text(node)), lines.set)]
    return imports.of_file([*edits, handed.without_keyword(node, home)], home, statement, before, file)


def _in_place(exporter: ast.expr, found: Stays, sampler: str, use: Found, file: File) -> list[str] | list[Edit]:
    lines, text = _Lines.of(sampler, use, file), file.text(exporter)
    if found.or_none:
        if not isinstance(exporter, (ast.Name, ast.Attribute)) or _sets_one(found) or not file.begins_line(file.statement(exporter)):
            raise Refused(_ONCE)
        between = f"{file.line_end}{file.indentation(file.statement(exporter))}    "
        return [lines.made, f"if {text} is not None:{between}{lines.handed(text)}", lines.set]
    if not _sets_one(found):
        return [lines.made, lines.handed(text), lines.set]
    if isinstance(exporter, ast.Call):
        return [lines.made, lines.set, lines.handed(text)]
    statement = file.statement(found.made[0][1])
    if found.call is None or not file.begins_line(statement):
        raise Refused(_ONCE)
    return [
        file.insert_before(statement, lines.made),
        file.insert_before(statement, lines.set),
        file.insert_after(statement, lines.handed(text)),
    ]


def _sets_one(found: Stays) -> bool:
    """Return whether an exporter makes a provider itself, as those to Application Insights do where none is set."""
    return any(home.symbol(call) == EXPORTER for home, call in found.made)


def _beside_maker(
    found: Stays, kind: tuple[str, str] | None, users: list[tuple[File, providers.Taker]], use: Found, file: File
) -> list[Edit]:
    (home, call), *_ = found.made
    place, statement = target(home, call), home.statement(call)
    if place is None or not home.begins_line(statement) or not several.is_once(call, home):
        raise Refused(_ONCE)
    before = len(home.needs)
    has_caller = any(shared.is_continued(each, other) for other, each in users)
    lines = _Lines.of(samplers.of_kind(kind, use, home, has_caller=has_caller), use, home)
    text = lines.handed(home.text(place))
    if _sets_one(found):
        edits = [home.insert_before(statement, each) for each in (lines.made, lines.set)]
        edits.append(home.insert_after(statement, text))
    else:
        between = f"{home.line_end}{home.indentation(statement)}"
        edits = [home.insert_after(statement, between.join((lines.made, text, lines.set)))]
    return imports.of_file(edits, home, statement, before, file)


class _Lines(NamedTuple):
    """The statements that set a provider."""

    made: str
    set: str
    name: str
    adapter: str

    @classmethod
    def of(cls, sampler: str, use: Found, file: File) -> _Lines:
        """Return them for a file, which imports what they need."""
        trace = file.need("from opentelemetry import trace", use.node)
        provider = file.need("from opentelemetry.sdk.trace import TracerProvider", use.node)
        adapter, name = file.need(f"from {MODULE} import {ADAPTER}", use.node), file.free_name("provider")
        return cls(f"{name} = {provider}(sampler={sampler})", f"{trace}.set_tracer_provider({name})", name, adapter)

    def handed(self, exporter: str) -> str:
        """Return what hands the spans to an exporter."""
        return f"{self.name}.add_span_processor({self.adapter}({exporter}))"


def spans(use: Found, file: File) -> Outcome:
    """The class of an exporter is asked about where it stands, and neither where an object of it is made, nor in its methods."""
    is_made = isinstance(use.node, ast.expr) and file.value(use.node).meaning == "subclass"
    if is_made or any(isinstance(each, ast.ClassDef) and is_exporter_class(each, file) for each in file.up(use.node)):
        return []
    if isinstance(use.node, (ast.Name, ast.Attribute)) and use.symbol == _BASE and file.is_annotation(use.node) and ways.are_separate(file):
        return [file.replace(use.node, file.need("from appinsights_exporter import SpanPipeline", use.node))]
    return Ask(BY_ID["T072"].question)


def transport(use: Found, file: File) -> Outcome:
    """A transport goes with the exporter that has it."""
    return Keep("goes with the exporter that has it")


def is_one_of_several(node: ast.expr, file: File) -> bool:
    """Return whether the variable that an exporter is bound to, maybe as one of several, gets the spans."""
    place = target(file, node)
    parents = [file.parents.get(each) for each in (loads(file, place) if place is not None else [])]
    return any(isinstance(each, ast.Call) and strings.tail(each.func) == ADAPTER for each in parents)


def adapter(node: ast.expr, file: File) -> ast.Call | None:
    """Return the call that hands spans to what an expression makes, at once or by the one variable or attribute that holds it; None for no such call."""
    place = target(file, node)
    reads = loads(file, place) if place is not None else []
    if len(reads) == 1 and stored(file, reads[0]) == (file, node):
        node = reads[0]
    call = file.parents.get(node)
    if not isinstance(call, ast.Call) or call.args != [node] or strings.tail(call.func) != ADAPTER:
        return None
    return call


REWRITERS: dict[str, Rewriter] = {"T071": transport, "T072": spans}
