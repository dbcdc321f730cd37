"""Recording: what is put into a measurement map goes to the instruments at once, with the tags of the record."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import is_idle, is_simple, loads, readers, target
from opencensus_compat.rewrite.rules.metrics import branches, legacy, map_flows, maps, parts
from opencensus_compat.rewrite.rules.metrics import tags as tag_rules
from opencensus_compat.rewrite.rules.metrics.views import MEASURES, PUTS, View, views_of

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_STATS = "stats.stats.stats"
_PARTS = frozenset({_STATS, f"{_STATS}.view_manager", f"{_STATS}.stats_recorder"})
_RECORD = map_flows.RECORD
_CALLS = {"CountAggregation": "add", "SumAggregation": "add", "LastValueAggregation": "set", "DistributionAggregation": "record"}
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_CONTEXT = "tags.TagContext"
_SETS_TAGS = b"baggage_as_tags("
_LATER = "Its tags are only known later: where is the value to be recorded?"
_WHICH = "Which measurements does this record have?"


def recording(use: Found, file: File) -> Outcome:
    """`mmap.measure_int_put(measure, value)` and `mmap.record(tags)` → `instrument.add(value, tags)`."""
    if use.symbol in _PARTS:
        return _part(use, file)
    if use.symbol.startswith("stats.stats.Stats"):
        return Ask(
            "Does this run on an early release? Later ones have `stats.stats`, which is one for the process, in place of `stats.Stats()`: "
            "`--include X003` writes that first."
        )
    flow = map_flows.of(use, file)
    if flow is not None and flow.are_dicts is None:
        flow.are_dicts = flow.is_recorded() and not map_flows.works(flow, _at_once_or_not) and map_flows.works(flow, _by_dict)
    if flow is not None and flow.are_dicts:
        return _by_dict(use, file)
    return _at_once_or_not(use, file)


def _at_once_or_not(use: Found, file: File) -> Outcome:
    """Record what is put into a map at once, or where it is recorded; the map goes."""
    call = file.call(use.node)
    if use.symbol == map_flows.LENGTH and isinstance(use.node, ast.Attribute):
        return _length(use.node, file)
    if call is None or not isinstance(call.func, (ast.Attribute, ast.Name)):
        return Ask("What is this used for?")
    if use.symbol == maps.NEW:
        return maps.deletion(call, file)
    if use.symbol in PUTS:
        return _put(call, file)
    if use.symbol == _RECORD:
        return _record(call, file)
    return Ask("What is this used for? OpenTelemetry's exemplars come from the current span.")


def _by_dict(use: Found, file: File) -> Outcome:
    """Make a map a dict, which keeps its values as that does: of what records a value with an instrument -> the last value."""
    flow, call = map_flows.of(use, file), file.call(use.node)
    assert flow is not None
    assert isinstance(use.node, ast.Attribute)
    base = use.node.value
    if use.symbol == maps.NEW:
        return [file.replace(call, "{}")] if call is not None else Ask("What is this used for?")
    if not isinstance(base, (ast.Name, ast.Attribute, ast.Subscript)):
        return Ask(_WHICH)
    if use.symbol == map_flows.LENGTH:
        parent = file.parents.get(use.node)
        is_number = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "len"
        is_one = all(len(views) == 1 for home, put in flow.puts() for views in _views(put, home))
        return (
            [file.replace(use.node, file.text(base))] if is_number and is_one else Ask("What are the measurements of the map needed for?")
        )
    if call is None or not file.is_alone(call):
        return Ask("What is the result used for?")
    statement = file.statement(call)
    if use.symbol in PUTS:
        return [file.replace(statement, _lines(call, _IntoDict(file.text(base)), file, statement))]
    return [file.replace(statement, _out_of_dict(flow, call, file.text(base), file))]


def _out_of_dict(flow: map_flows.Flow, record: ast.Call, base: str, file: File) -> str:
    """Return the statement that records what a dict has, with the tags of the record."""
    given, statement = _tags(record, file), file.statement(record)
    if not file.begins_line(statement):
        raise Refused(Ask(_WHICH))
    before, attributes = "", ""
    joint = f"{file.line_end}{file.indentation(statement)}"
    if given is not None:
        views = [(home, view) for home, put in flow.puts() for each in _views(put, home) for view in each]
        keys = tag_rules.keys_of(given, file)
        columns = {tuple(sorted(view.columns)) for _, view in views}
        is_narrowed = any(keys is None or keys - set(each) for each in columns)
        if is_narrowed and len(columns) > 1:
            raise Refused(Ask("The views of this record keep several tags: which ones has each?"))
        if not isinstance(given, (ast.Name, ast.Attribute)):
            text = file.render(given)
            if text != "{}":
                name = file.free_name("attributes")
                before, text = f"{name} = {text}{joint}", name
        else:
            text = file.text(given)
        kept = {view.call: list(next(iter(columns))) for _, view in views} if is_narrowed else {}
        is_changed = isinstance(given, (ast.Name, ast.Attribute)) and tag_rules.may_change_after(given, record, file)
        attributes = _Tags(text, kept, is_changed).of(views[0][1]) if views else ""
    method, value = file.free_name("record_value"), file.free_name("measured")
    call = f"{method}({value}{f', {attributes}' if attributes else ''})"
    return f"{before if attributes else ''}for {method}, {value} in {base}.items():{joint}    {call}"


def _part(use: Found, file: File) -> Outcome:
    """`stats = stats_module.stats` and the like go with the last that reads them, and with the parameters that get them."""
    node = use.node
    if not isinstance(node, ast.expr):
        return []
    parameter = file.parents.get(node)
    if isinstance(parameter, ast.arg) and parts.of_parameter(parameter, file) is not None:
        return []
    if legacy.is_needed(node, file):
        return []
    place = target(file, node)
    if place is None:
        taken_out = parts.taken_out(node, file)
        if taken_out is not None:
            return taken_out
        return [] if isinstance(file.parents.get(node), ast.Attribute) else Ask("Who else gets this object?")
    if any(legacy.is_needed(load, home) for home, load in readers(file, place)):
        return []
    edits = [file.delete(file.statement(node))]
    for load in loads(file, place):
        taken_out = parts.taken_out(load, file)
        if taken_out is None and not isinstance(file.parents.get(load), ast.Attribute):
            return Ask(f"It is read in line {load.lineno}: what for?")
        edits += taken_out or []
    return edits


class _Segment:
    """One record with what was put before it."""

    def __init__(self, puts: list[ast.Call], record: ast.Call, *, is_forked: bool = False) -> None:
        self.puts = puts
        self.record = record
        self.is_forked = is_forked
        """Branches of the function record the map, each path all that it puts."""


def _base(call: ast.Call) -> str:
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _segments(call: ast.Call, file: File) -> list[_Segment]:
    """Return the records of a map in the function around a call of it.

    Raises:
        Refused: Which measurements they have is not known.
    """
    owner, base = file.owner(call), _base(call)
    puts: list[ast.Call] = []
    found: list[_Segment] = []
    if file.records is None:
        file.records = defaultdict(list)
        for use in file.uses:
            each = file.call(use.node) if use.symbol in PUTS or use.symbol == _RECORD else None
            if each is not None:
                file.records[file.owner(each), _base(each)].append(each)
    own: list[ast.Call] = file.records.get((owner, base), [])
    forked = _forked(own, file)
    if forked is not None:
        return forked
    for each in sorted(own, key=file.start):
        if file.symbol(each) in PUTS:
            puts.append(each)
        elif not puts:
            raise Refused(Ask(_WHICH))
        else:
            found.append(_Segment(puts, each))
            puts = []
    if puts:
        raise Refused(Ask("Where are these measurements recorded?"))
    return found


def _forked(calls: list[ast.Call], file: File) -> list[_Segment] | None:
    """Return the records of a map that a function makes anew and records in several branches; None for other records."""
    records = [each for each in calls if file.symbol(each) == _RECORD]
    new = maps.new(calls[0], file)
    if len({id(file.body_of(file.statement(each))) for each in records}) < 2 or new is None or new[0] is not file:
        return None
    if file.owner(new[1]) is not file.owner(calls[0]) or [each for _, each in maps.puts_of(new, file) if each not in calls]:
        return None
    found = branches.measurements(
        new[1], [each for each in calls if each not in records], records, lambda put: maps.identity(put, file), file
    )
    return [_Segment(puts, record, is_forked=True) for record, puts in found.items()] if found is not None else None


def _checked(segment: _Segment, file: File) -> None:
    """Raise where a record has other measurements than those that are put right before it."""
    if segment.is_forked:
        return
    record, names = segment.record, []
    block = file.body_of(file.statement(record))
    for put in segment.puts:
        top: ast.AST = file.statement(put)
        around = []
        while top not in block and top in file.parents:
            top = file.parents[top]
            around.append(top)
        if top not in block or any(isinstance(each, _LOOPS) for each in around):
            raise Refused(Ask(_WHICH))
        names.append(ast.unparse(maps.measure(put, file)))
    if len(set(names)) < len(names) and not any(isinstance(file.parents.get(file.statement(put)), ast.If) for put in segment.puts):
        raise Refused(Ask("One measure is put twice, and the last value counts: which one is meant?"))
    # A map that stays keeps what was put into it before.
    new = maps.new(record, file)
    if new is None:
        raise Refused(Ask("Where is this map made, and what else is put into it?"))
    is_fresh = maps.is_fresh(*new, record, file)
    own = {maps.identity(put, file) for put in segment.puts}
    others = {maps.identity(each, other) for other, each in maps.puts_of(new, file)}
    is_nested = any(file.statement(put) not in block for put in segment.puts)
    is_one = all(maps.is_of_one_measure(put, new, file) for put in segment.puts)
    if (not is_fresh and (is_nested or others != own or not is_one)) or (is_fresh and others != own and len(_segments(record, file)) > 1):
        raise Refused(Ask("The map keeps what was put into it before: are all of its measurements to be recorded here?"))


def _tags(record: ast.Call, file: File) -> ast.expr | None:
    """Return the tags of a record; None for none.

    Raises:
        Refused: They are those of the context, which the program sets.
    """
    found = file.argument(record, 0, "tags")
    if found is not None and not (isinstance(found, ast.Constant) and found.value is None):
        return found
    if _sets_tags(file):
        raise Refused(Ask("Which tags has the context here? An instrument takes none of them: hand them to `record`."))
    return None


@of_program
def _sets_tags(file: File) -> bool:
    """Return whether a program sets the tags of the context."""
    return any(_SETS_TAGS in home.source or use.symbol.startswith(_CONTEXT) for home in file.files.values() for use in home.uses)


def _is_at_once(segment: _Segment, file: File) -> bool:
    """Return whether the tags are complete where the first value is put, and nothing leaves before the record."""
    record = segment.record
    given = _tags(record, file)
    first = segment.puts[0]
    if given is not None and not _is_without_tags(segment, file):
        if not isinstance(given, (ast.Name, ast.Attribute)) or tag_rules.changed_between(
            given, file.start(first), file.start(record), file
        ):
            return False
        slot = file.slot(given) if isinstance(given, ast.Name) else None
        if (
            slot is not None
            and slot.owner is file.owner(record)
            and not any(file.start(store) < file.start(first) for store in slot.stores if hasattr(store, "lineno"))
        ):
            return False
    start, end = file.start(first), file.start(record)
    return segment.is_forked or not any(start < file.start(each) < end for kind in _LEAVING for each in file.kinds[kind])


def _is_without_tags(segment: _Segment, file: File) -> bool:
    """Return whether the map of a record in a branch has no tags, wherever that is made."""
    given = _tags(segment.record, file)
    return segment.is_forked and given is not None and tag_rules.keys_of(given, file) == set()


def _length(node: ast.Attribute, file: File) -> Outcome:
    """`len(mmap.measurement_map)` → the number of measures that were put into the map before."""
    question = Ask("What are the measurements of the map needed for?")
    call = file.parents.get(node)
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "len" and call.args == [node]):
        return question
    calls = [file.call(use.node) for use in file.uses if use.symbol == _RECORD]
    records = [
        each for each in calls if each is not None and _base(each) == ast.unparse(node.value) and file.owner(each) is file.owner(node)
    ]
    new = maps.of(node.value, file)
    if len(records) != 1 or new is None or file.owner(new[1]) is not file.owner(node):
        return question
    segments = _segments(records[0], file)
    _checked(segments[0], file)
    block = file.body_of(file.statement(records[0]))
    is_after = file.start(node) > file.end(records[0]) and file.statement(node) in block
    if not is_after or not all(file.statement(put) in block for put in segments[0].puts):
        return question
    return [file.replace(call, str(len({ast.unparse(maps.measure(put, file)) for put in segments[0].puts})))]


def _put(call: ast.Call, file: File) -> Outcome:
    if not file.is_alone(call):
        return Ask("What is the result used for?")
    segments = [each for each in _segments(call, file) if call in each.puts]
    if not segments:
        return Ask("Where are these measurements recorded?")
    statement = file.statement(call)
    texts = {_at_once(call, each, file) for each in segments}
    if len(texts) > 1:
        return Ask("The branches record it with several tags: which ones has it?")
    text = texts.pop()
    return [file.delete(statement) if text is None else file.replace(statement, text)]


def _at_once(put: ast.Call, segment: _Segment, file: File) -> str | None:
    """Return what records a value where it is put; None where the record does that."""
    _checked(segment, file)
    if not _is_at_once(segment, file):
        return None
    given = _tags(segment.record, file)
    text = file.text(given) if given is not None and not _is_without_tags(segment, file) else ""
    is_changed = given is not None and tag_rules.may_change_after(given, segment.record, file)
    return _lines(put, _Tags(text, _kept(segment, file), is_changed), file, file.statement(put))


def _record(call: ast.Call, file: File) -> Outcome:
    if not file.is_alone(call):
        return Ask("What is the result used for?")
    segment = next(each for each in _segments(call, file) if each.record is call)
    _checked(segment, file)
    kept = _kept(segment, file)
    statement = file.statement(call)
    if _is_at_once(segment, file):
        return [file.delete(statement)]
    if segment.is_forked:
        return Ask(_LATER)
    given = _tags(call, file)
    _check_delay(segment, file)
    text = file.render(given) if given is not None else ""
    if text == "{}" or all(kept.get(view.call) == [] for put in segment.puts for views in _views(put, file) for view in views):
        text = ""
    is_changed = given is not None and tag_rules.may_change_after(given, call, file)
    lines = [_lines(put, _Tags(text, kept, is_changed), file, statement) for put in segment.puts]
    joint = f"{file.line_end}{file.indentation(statement)}"
    together = joint.join(lines)
    if text and not isinstance(given, (ast.Name, ast.Attribute, ast.Constant)) and together.count(joint):
        if file.bindings.find("attributes", file.owner(call)) is not None:
            return Ask("The tags are made once and recorded with several measures: under which name?")
        lines = [_lines(put, _Tags("attributes", kept), file, statement) for put in segment.puts]
        together = joint.join([f"attributes = {text}", *lines])
    return [file.replace(statement, together)]


def _check_delay(segment: _Segment, file: File) -> None:
    """Raise where a value would be another one if it were read at the record."""
    block = file.body_of(file.statement(segment.record))
    for put in segment.puts:
        if file.statement(put) not in block:
            raise Refused(Ask(_LATER))
        value = file.argument(put, 1, "value")
        if value is None:
            raise Refused(Ask("Which value is this?"))
        between = block[block.index(file.statement(put)) + 1 : block.index(file.statement(segment.record))]
        names = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)}
        for statement in between:
            bound = {each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
            is_of_ours = any(use.rule[0] == "S" and file.statement(use.node) is statement for use in file.uses if use.node in file.parents)
            if names & bound or (not is_of_ours and not is_simple(value)):
                raise Refused(Ask("Its tags are only known later: is the value the same there?"))


@dataclass(frozen=True, slots=True)
class _Tags:
    """The attributes of a record."""

    text: str
    """Their source; empty for none."""
    kept: dict[ast.Call, list[str]]
    """View -> the keys that it keeps, where the map may have others."""
    is_changed: bool = False
    """The map may be changed after the record: releases of OpenTelemetry before 1.44 keep the map itself, and not a copy."""

    def of(self, view: View) -> str:
        """Return the source of those that a view keeps."""
        keys = self.kept.get(view.call)
        if self.text in ("", "{}") or keys == []:
            return ""
        if keys is None:
            return f"{self.text}.copy()" if self.is_changed else self.text
        texts = [json.dumps(each, ensure_ascii=False) for each in keys]
        test = f"== {texts[0]}" if len(texts) == 1 else f"in ({', '.join(texts)})"
        return f"{{key: value for key, value in {self.text}.items() if key {test}}}"

    def call(self, method: str, amount: str, view: View) -> str:
        """Return what records an amount by a method of the instrument of a view."""
        attributes = self.of(view)
        return f"{method}({amount}{f', {attributes}' if attributes else ''})"


@dataclass(frozen=True, slots=True)
class _IntoDict:
    """A dict of values that are recorded later."""

    text: str
    """Its source."""

    def call(self, method: str, amount: str, view: View) -> str:
        """Return what keeps an amount for a method of the instrument of a view."""
        return f"{self.text}[{method}] = {amount}"


def _kept(segment: _Segment, file: File) -> dict[ast.Call, list[str]]:
    """Return view -> the keys of its tags, for each view that leaves out some that the map may have.

    Raises:
        Refused: The keys of a view are not known, or what the map is made of does something besides.
    """
    given = _tags(segment.record, file)
    if given is None:
        return {}
    keys = tag_rules.keys_of(given, file)
    views = [view for put in segment.puts for each in _views(put, file) for view in each]
    found = {view.call: sorted(view.columns) for view in views if keys is None or keys - view.columns}
    if [] in found.values() and not all(file.symbol(each) for each in ast.walk(given) if isinstance(each, ast.Call)):
        raise Refused(Ask("No view keeps these tags: are the calls that make them needed?"))
    return found


def _views(put: ast.Call, file: File) -> list[list[View]]:
    """Return the views of each measure that may come to a measurement."""
    found = held(file, maps.measure(put, file))
    if found is None or not all(home.symbol(call) in MEASURES for home, call in found):
        raise Refused(Ask("Which measures come here, and with which views?"))
    result = [views_of(call, home) for home, call in found if isinstance(call, ast.Call)]
    if not all(result):
        raise Refused(Ask("No view of this measure is in these files, and without one nothing is sent: is it needed?"))
    if len(result) > 1 and any(len(views) > 1 for views in result):
        raise Refused(Ask("One of the measures that come here has several views: where are their instruments?"))
    return result


def _lines(put: ast.Call, tags: _Tags | _IntoDict, file: File, statement: ast.stmt) -> str:
    """Return the statements that record a value with each view's instrument."""
    value = file.argument(put, 1, "value")
    if value is None:
        raise Refused(Ask("Which value is this?"))
    every = _views(put, file)
    texts = {f"{file.line_end}{file.indentation(statement)}".join(_calls(put, value, views, tags, file)) for views in every}
    if len(texts) > 1:
        raise Refused(Ask("The measures that come here become several kinds of instrument: which one is this?"))
    return texts.pop()


def _calls(put: ast.Call, value: ast.expr, views: list[View], tags: _Tags | _IntoDict, file: File) -> list[str]:
    counts = [view for view in views if view.kind == "CountAggregation"]
    takes = [view for view in views if view not in counts]
    amount, before = file.render(value), []
    if not is_simple(value) and len(takes) > 1:
        # It is found out once, as before.
        name = file.free_name("value")
        amount, before = name, [f"{name} = {amount}"]
    elif not takes and not is_idle(value, file):
        before = [amount]
    # What takes the value is first, for nothing is counted where finding it out raises.
    order = views if is_simple(value) else [*takes, *counts]
    return [*before, *(_call(put, view, "1" if view in counts else amount, tags, file, is_one=len(views) == 1) for view in order)]


def _call(put: ast.Call, view: View, amount: str, tags: _Tags | _IntoDict, file: File, *, is_one: bool) -> str:
    """Return the call that records an amount with the instrument of a view."""
    name = file.text(maps.measure(put, file))
    if not is_one:
        place = target(view.file, view.call)
        if view.file is not file or not isinstance(place, ast.Name):
            raise Refused(Ask("Its measure has several views: which variables hold their instruments here?"))
        name = place.id
    return tags.call(f"{name}.{_CALLS[view.kind]}", amount, view)


REWRITERS: dict[str, Rewriter] = {"S009": recording}
