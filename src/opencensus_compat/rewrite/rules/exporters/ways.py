"""Whether the spans of a program go one way, which `configure` sets up, or several."""

from __future__ import annotations

import ast
import itertools
import re
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.rewrite.context import Refused
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import EXPORTER, called, is_azure, loads, made, maker, readers, returned_by, stays, target
from opencensus_compat.rewrite.rules.exporters import handed, processors, setups, several
from opencensus_compat.rewrite.rules.exporters.providers import TRACER, Taker, default, taker, takers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.python_uses import Found

Taken: TypeAlias = "tuple[File, Taker, list[tuple[File, ast.expr]]]"
"""A tracer or middleware with its file, and the calls that make its exporter, with theirs."""
_FUNCTIONS = (ast.Name, ast.Attribute, ast.Lambda)
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_PIPELINE = re.compile(rb"\bSpanPipeline(?:\.through)?\(")
_OF_LATEST = frozenset({"W001", "T040"})
"""Rules of what uses the tracer that was made last."""


class _Course:
    """What was tried of a program, as its files are now."""

    has_given_up = False
    """Tracers whose exporters stay cannot have pipelines."""


@of_program
def _course(_: File) -> _Course:
    return _Course()


@of_program
def has_pipelines(file: File) -> bool:
    """Return whether a program makes pipelines of its own."""
    return any(_PIPELINE.search(home.source) for home in file.files.values())


def gives_up(files: Sequence[File], waiting: Iterable[Found]) -> bool:
    """Return whether a program's spans go several ways for exporters that stay alone, and their tracers wait: now the others need not wait for these.

    Args:
        files: The files of the program.
        waiting: The uses that cannot change.
    """
    file = next(iter(files), None)
    if file is None or not are_separate(file) or _course(file).has_given_up or has_pipelines(file):
        return False
    staying = [_use_of(home, each) for home, each, found in taken(file) if several.stay(found)]
    if not any(use in staying for use in waiting):
        return False
    file.files.answers.clear()
    _course(file).has_given_up = True
    return True


@of_program
def samplers_differ(file: File) -> bool:
    """Return whether the tracers of a program may decide differently; none of them is asked within a trace on which another one has decided."""
    if not are_separate(file):
        return False
    if has_pipelines(file):
        # Which samplers are there is not looked for.
        return True
    every = [(home, each) for home, each, _ in taken(file)]
    held_by = [held(home, each.sampler) for home, each in every if each.sampler is not None]
    kinds = {setups.decides(each.default) for _, each in every if each.sampler is None}
    kinds |= {setups.kind(home, sampler) for found in held_by for home, sampler in found or ()} | setups.samplers_of_configure(file)
    return len(kinds) > 1 or None in held_by


def having(sampler: ast.Call, file: File) -> list[tuple[File, Taker]]:
    """Return the tracers and middlewares with exporters of a program that may have the sampler which a call makes."""
    return _by_sampler(file).get(sampler, [])


@of_program
def _by_sampler(file: File) -> dict[ast.expr, list[tuple[File, Taker]]]:
    found: dict[ast.expr, list[tuple[File, Taker]]] = {}
    for home, each, _ in taken(file):
        for sampler in dict.fromkeys(call for _, call in (held(home, each.sampler) or ()) if each.sampler is not None):
            found.setdefault(sampler, []).append((home, each))
    return found


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, the exporters of a program whose spans go several ways, those that have exporters which stay, and what uses the latest tracer."""
    every = list(files)
    if not every or not are_separate(every[0]):
        return
    uses = [(file, use) for file in every for use in file.uses if not isinstance(use.node, (ast.alias, ast.ImportFrom))]
    of_exporters = [use for file, use in uses if use.symbol == EXPORTER and file.call(use.node) is not None]
    of_latest = [use for _, use in uses if use.rule in _OF_LATEST]
    of_staying = [_use_of(home, each) for home, each, found in taken(every[0]) if several.stay(found)]
    if of_exporters or of_staying:
        yield from itertools.pairwise([*of_exporters, *(each for each in of_staying if each is not None), *of_latest])


def _use_of(file: File, each: Taker) -> Found | None:
    """Return the use of a tracer or middleware."""
    if not isinstance(each.node, ast.Call):
        return None
    named = [each.node.func, *each.node.args[:1]]
    return next((use for node in named for use in file.by_node.get(node, ())), None)


@of_program
def are_separate(file: File) -> bool:
    """Return whether the spans of a program go several ways, or one that `configure` cannot set up."""
    if has_pipelines(file):
        return True
    if file.files.has({"W011"}):
        # Django's instrumentation takes the global provider.
        return False
    if not _course(file).has_given_up and several.are_beyond_one_provider(taken(file)):
        return True
    if not any(is_azure(home, call) for home in file.files.values() for call in called(home, EXPORTER)):
        return False
    every = [each for each in taken(file) if is_azure(*each[2][0])]
    made_by = {id(call): (home, call) for _, _, found in every for home, call in found}
    return (
        setups.contradict(file, [*_set_up(every), *_set_up_in_text(file)])
        or len({found for each in every for found in _processors(*each)}) > 1
        or any(_is_beyond(call, home) for home, call in made_by.values())
        or any(_is_out_of_sight(home, each) for home, each, _ in every)
        or any(_is_of_unknown_sampler(home, each) for home, each, _ in every)
        or any(_is_made_otherwise(home, each, found) for home, each, found in every)
        or any(_is_beyond_of_middleware(home, each) for home, each in takers(file))
    )


def _is_out_of_sight(file: File, each: Taker) -> bool:
    """Return whether `configure` could not stand where the exporter of a tracer or middleware is made, since that is not one place."""
    node = each.exporter
    part = handed.of_attribute(node, file)
    if part is not None and part.default is not None and is_azure(part.home, part.default):
        return True
    if isinstance(node, ast.Call) and not is_azure(file, node):
        returned = returned_by(node, file)
        found = made(*returned) if returned is not None else None
    elif isinstance(node, (ast.Name, ast.Attribute)) and handed.of_attribute(node, file) is None:
        if isinstance(node, ast.Name) and isinstance(file.only_value(file.slot(node)), ast.IfExp):
            return False
        found = made(file, node)
    else:
        return False
    return found is None or not is_azure(*found)


def _is_of_unknown_sampler(file: File, each: Taker) -> bool:
    """Return whether a tracer whose exporter is made elsewhere has a sampler that cannot be written there, but is made in these files."""
    if (
        each.exporter is None
        or each.sampler is None
        or maker(each.exporter, file) is None
        or handed.of_attribute(each.exporter, file) is not None
    ):
        return False
    return each.kind(file) is None and held(file, each.sampler) is not None


def _set_up(every: list[Taken]) -> Iterator[setups.SetUp]:
    for home, each, found in every:
        for file, call in found:
            assert isinstance(call, ast.Call)
            yield setups.SetUp(file, call, setups.TRACES, {**setups.options_of(call, file), "sampler": _decides(each, home)})


def _set_up_in_text(file: File) -> Iterator[setups.SetUp]:
    """Yield what settings name in text."""
    for home, each in takers(file):
        call, sampler = (_in_text(node) for node in (each.exporter, each.sampler))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == f"opencensus.{EXPORTER}":
            decides = _decides(each if sampler is None else each._replace(sampler=sampler), home)
            yield setups.SetUp(home, call, setups.TRACES, {**setups.options_of(call, home), "sampler": decides})


def _in_text(node: ast.expr | None) -> ast.expr | None:
    """Return the expression that a text is; None for what is no text."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return None
    try:
        return ast.parse(node.value.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _decides(each: Taker, file: File) -> str:
    """Return what a sampler does, as text."""
    return setups.kind(file, each.sampler) if each.sampler is not None else setups.decides(each.default)


def _additions(call: ast.expr, file: File) -> list[ast.Call]:
    place = target(file, call)
    every = [processors.addition(load, file) for load in loads(file, place)] if place is not None else []
    return sorted((each for each in every if each is not None), key=file.start)


def added_to_middleware(call: ast.Call, file: File) -> list[ast.Call] | None:
    """Return the calls that add telemetry processors to the exporter of a middleware; None where something else is done with the middleware."""
    place = target(file, call)
    slot = file.slot(place) if place is not None else None
    if place is None or slot is None or file.only_value(slot) is not call:
        return None
    found = []
    for home, load in readers(file, place):
        exporter = home.parents.get(load)
        added = processors.addition(exporter, home) if isinstance(exporter, ast.Attribute) and exporter.attr == "exporter" else None
        if home is not file or added is None or not file.is_alone(added):
            return None
        found.append(added)
    return sorted(found, key=file.start)


def can_wait(call: ast.Call, added: list[ast.Call], file: File) -> bool:
    """Return whether a middleware may be put in where its exporter gets the last of its telemetry processors: only functions are defined between."""
    statement, places = file.statement(call), [file.statement(each) for each in added]
    block = file.body_of(statement)
    if not all(place in block for place in places) or not all(isinstance(node, _FUNCTIONS) for each in added for node in _given(each)):
        return False
    between = block[block.index(statement) + 1 : block.index(places[-1])]
    return all(isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or each in places for each in between)


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _processors(home: File, taker: Taker, found: list[tuple[File, ast.expr]]) -> set[tuple[str, ...]]:
    """Return the telemetry processors of the exporters that a tracer or middleware may have, as text."""
    through = _added_through(home, taker)
    return {tuple(ast.unparse(node) for each in [*_additions(call, file), *through] for node in _given(each)) for file, call in found}


def _added_through(file: File, taker: Taker) -> list[ast.Call]:
    """Return what adds telemetry processors to the exporter of a middleware by that."""
    is_middleware = isinstance(taker.node, ast.Call) and file.symbol(taker.node) != TRACER
    return (added_to_middleware(taker.node, file) or []) if is_middleware and isinstance(taker.node, ast.Call) else []


def _is_beyond(call: ast.expr, file: File) -> bool:
    """Return whether `configure` cannot have the telemetry processors of an exporter: it gets them later, or by an expression."""
    assert isinstance(call, ast.Call)
    covered, needs = set(file.covered), list(file.needs)
    place = target(file, call)
    if place is not None and any(home is not file and processors.addition(load, home) is not None for home, load in readers(file, place)):
        return True
    try:
        processors.argument(call, file, _place(call, file))
    except Refused:
        return True
    finally:
        file.covered, file.needs = covered, needs
    return False


def _is_beyond_of_middleware(file: File, each: Taker) -> bool:
    """Return whether the exporter of a middleware gets telemetry processors through that, and `configure` cannot have them."""
    added = _added_through(file, each)
    if not added or not isinstance(each.node, ast.Call):
        return False
    is_elsewhere = each.exporter is not None and not isinstance(each.exporter, (ast.Call, ast.Constant))
    return is_elsewhere or not can_wait(each.node, added, file)


def _place(call: ast.Call, file: File) -> ast.stmt:
    """Return the statement in whose place `configure` would be called."""
    statement, place = file.statement(call), target(file, call)
    block = file.body_of(statement)
    having = [each for load in (loads(file, place) if place is not None else []) for each in file.up(load) if isinstance(each, ast.Call)]
    beside = [file.statement(each) for each in having if taker(each, file) is not None and file.statement(each) in block]
    return min(beside, key=file.start, default=statement)


def _is_made_otherwise(home: File, each: Taker, found: list[tuple[File, ast.expr]]) -> bool:
    """Return whether a tracer is made several times with different values, or in a function with an exporter or with none."""
    sampler = [default(each.sampler, home)] if each.sampler is not None else []
    if _varies(each.node, [*sampler, *(node for added in _added_through(home, each) for node in _given(added))], home):
        return True
    for file, call in found:
        assert isinstance(call, ast.Call)
        added = [node for other in _additions(call, file) for node in _given(other)]
        if _varies(call, [*(keyword.value for keyword in call.keywords), *added], file):
            return True
    may_be_none = each.exporter is not None and exporters(each.exporter, home)[1]
    return may_be_none and home.function(each.node) is not None


def _varies(node: ast.expr, parts: list[ast.expr], file: File) -> bool:
    """Return whether parts of what a call makes hang on parameters of its function, which is called in several places."""
    function = file.function(node)
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    owner = file.parents.get(function)
    names = _parameters(parts, function, file)
    places = [*function.args.posonlyargs, *function.args.args]
    itself = places[0].arg if isinstance(owner, ast.ClassDef) and places else ""
    if isinstance(owner, ast.ClassDef) and (itself in names or function.name == "__init__") and names and _calls(owner.name, file) > 1:
        return True
    return bool(names - {itself}) and _calls(function.name, file) > 1


def _parameters(nodes: list[ast.expr], function: ast.AST, file: File) -> set[str]:
    """Return the parameters of a function that expressions in it hang on."""
    found: set[str] = set()
    pending: list[ast.expr] = list(nodes)
    seen: set[ast.expr] = set()
    while pending:
        for each in ast.walk(pending.pop()):
            slot = file.slot(each) if isinstance(each, ast.Name) else None
            if slot is None or slot.owner is not function:
                continue
            if slot.parameter is not None:
                found.add(slot.name)
            values = [file.parents.get(store) for store in slot.stores]
            more = [value.value for value in values if isinstance(value, (ast.Assign, ast.AnnAssign)) and value.value is not None]
            pending += [value for value in more if value not in seen]
            seen.update(more)
    return found


def is_repeated(node: ast.AST, file: File) -> bool:
    """Return whether a place is in a function that is called several times, as far as the text says."""
    function = file.function(node)
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    owner = file.parents.get(function)
    names = [owner.name] if isinstance(owner, ast.ClassDef) else []
    return any(_calls(name, file) > 1 for name in [*names, *([] if function.name == "__init__" else [function.name])])


def _calls(name: str, file: File) -> int:
    """Return how often a function is called, as far as the text says: a loop calls it twice."""
    calls = [(home, call) for home, node in file.files.reads(name) if (call := home.call(node)) is not None]
    return sum(2 if any(isinstance(each, _LOOPS) for each in home.up(call)) else 1 for home, call in calls)


def exporters(node: ast.expr, file: File) -> tuple[list[tuple[File, ast.expr]], bool]:
    """Return the calls that make what an expression holds, none where it may hold another exporter; and whether it may be None."""
    found = held(file, node)
    may_be_none = found is None
    found = held(file, node, or_none=True) if found is None else found
    is_known = bool(found) and all(_is_known(home, call) for home, call in found or [])
    return (found or [], may_be_none) if is_known else ([], False)


def _is_known(file: File, call: ast.expr) -> bool:
    return is_azure(file, call) or (isinstance(call, ast.Call) and stays(call, file))


def _is_of_one_maker(node: ast.expr, file: File) -> bool:
    """Return whether an exporter comes from the one place that makes an object of its class, in the place of the class's default."""
    part = handed.of_attribute(node, file)
    value = part.value() if part is not None and part.default is not None else None
    if part is None or value is None or value[1] is part.default or made(*value) is None:
        return False
    return handed.sampler_kind(part, file) is not None


@of_program
def taken(file: File) -> list[Taken]:
    """Return the tracers and middlewares with exporters of a program, and the calls that make those."""
    having = [(home, each, each.exporter) for home, each in takers(file) if each.exporter is not None]
    every = [(home, each, exporters(node, home)[0]) for home, each, node in having if not _is_of_one_maker(node, home)]
    return [(home, each, found) for home, each, found in every if found]
