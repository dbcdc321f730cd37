"""Tags: a map of them is a dict of attributes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import attributes, made, readers, stored, target
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

MAP = "tags.tag_map.TagMap"
_TAG = "tags.tag.Tag"
_TEXTS = frozenset({"tags.tag_key.TagKey", "tags.tag_value.TagValue"})
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_OF_DICTS = frozenset(dir(dict))
_READS = frozenset({"len", "list", "tuple", "set", "sorted", "dict", "any", "all"})
_SHOWS = frozenset({"print", "str", "repr", "debug", "info", "warning", "error", "exception", "critical", "log"})
_OTHER = "Who else reads these tags?"


def tags(use: Found, file: File) -> Outcome:
    """`TagMap()` → `{}`, `TagKey(text)` → `text`, `tags.insert(key, value)` → `tags[key] = value`."""
    call = file.call(use.node)
    if use.symbol == f"{MAP}.map" and isinstance(use.node, ast.Attribute):
        return _map(use.node, file)
    if use.symbol.startswith(f"{MAP}.map.") and isinstance(use.node, ast.Attribute) and isinstance(use.node.value, ast.Attribute):
        return _map(use.node.value, file)
    if call is None or file.has_stars(call):
        return Ask(_OTHER)
    if use.symbol in _TEXTS:
        text = file.argument(call, 0, "name" if use.symbol.endswith("Key") else "value")
        if text is None:
            return Ask(_OTHER)
        rendered = file.render(text)
        is_atom = isinstance(text, (ast.Name, ast.Attribute, ast.Call, ast.Constant, ast.Subscript, ast.JoinedStr))
        return [file.replace(call, rendered if is_atom else f"({rendered})")]
    if use.symbol == MAP:
        return _new(call, file)
    if use.symbol == _TAG:
        above = file.parents.get(call)
        parent = file.parents.get(above) if above is not None else None
        is_given = isinstance(above, (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp))
        return None if is_given and isinstance(parent, ast.Call) and file.symbol(parent) == MAP else Ask(_OTHER)
    method = use.symbol.removeprefix(f"{MAP}.")
    if not isinstance(use.node, ast.Attribute) or method == use.symbol or isinstance(use.node.value, ast.Call):
        return Ask(_OTHER)
    key = file.argument(call, 0, "key")
    if key is None:
        return Ask(_OTHER)
    value = file.argument(call, 1, "value")
    base = file.text(use.node.value)
    if method == "insert" and value is not None and file.is_alone(call):
        if is_first(call, file):
            return [file.replace(call, f"{base}[{file.render(key)}] = {file.render(value)}")]
        return [file.replace(call, f"{base}.setdefault({file.render(key)}, {file.render(value)})")]
    if method == "update" and value is not None and file.is_alone(call) and _was_inserted(call, file):
        return [file.replace(call, f"{base}[{file.render(key)}] = {file.render(value)}")]
    if method == "delete" and file.is_alone(call):
        return [file.replace(call, f"{base}.pop({file.render(key)}, None)")]
    if method == "get_value":
        return [file.replace(call, f"{base}[{file.render(key)}]")]
    if method == "tag_key_exists":
        return [file.replace(call, f"({file.render(key)} in {base})")]
    return Ask(_OTHER)


def _map(node: ast.Attribute, file: File) -> Outcome:
    """`tags.map` → `tags`, and where it is shown `OrderedDict(tags)`, which has the same text."""
    parent = file.parents.get(node)
    base = file.text(node.value)
    is_shown = isinstance(parent, ast.FormattedValue) or (
        isinstance(parent, ast.Call) and node in parent.args and strings.tail(parent.func) in _SHOWS
    )
    is_read = (
        (isinstance(parent, ast.Attribute) and parent.attr in _OF_DICTS and file.call(parent) is not None)
        or (isinstance(parent, ast.Subscript) and parent.value is node)
        or (isinstance(parent, ast.Compare) and parent.comparators == [node] and isinstance(parent.ops[0], (ast.In, ast.NotIn)))
        or (isinstance(parent, ast.Call) and node in parent.args and isinstance(parent.func, ast.Name) and parent.func.id in _READS)
        or (isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is node)
    )
    if not isinstance(node.ctx, ast.Load) or not (is_shown or is_read):
        return Ask(_OTHER)
    if is_read:
        return [file.replace(node, base)]
    return [file.replace(node, f"{file.need('from collections import OrderedDict', node)}({base})")]


def _new(call: ast.Call, file: File) -> Outcome:
    given = file.argument(call, 0, "tags")
    if given is None or (isinstance(given, ast.Constant) and given.value is None):
        return [file.replace(call, "{}")]
    if isinstance(given, ast.Dict):
        return [file.replace(call, file.render(given))]
    if isinstance(given, (ast.ListComp, ast.GeneratorExp)):
        return _comprehension(given, call, file)
    if isinstance(given, (ast.Name, ast.Attribute)):
        return [file.replace(call, f"dict({file.text(given)} or ())")]
    if isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute) and given.func.attr == "items":
        return [file.replace(call, f"dict({file.render(given)})")]
    if not isinstance(given, (ast.List, ast.Tuple)):
        return Ask(_OTHER)
    parts = []
    for each in given.elts:
        pair = _pair(each, file)
        if pair is None:
            return Ask(_OTHER)
        if isinstance(each, ast.Call):
            file.covered.update(file.by_node[each.func])
        parts.append(f"{file.render(pair[0])}: {file.render(pair[1])}")
    return [file.replace(call, f"{{{', '.join(parts)}}}")]


def _comprehension(given: ast.ListComp | ast.GeneratorExp, call: ast.Call, file: File) -> Outcome:
    """`TagMap([(key, value) for ...])` → `{key: value for ...}`."""
    pair = _pair(given.elt, file)
    if pair is None:
        return Ask(_OTHER)
    if isinstance(given.elt, ast.Call):
        file.covered.update(file.by_node[given.elt.func])
    loops = file.source[file.end(given.elt) : file.end(given) - 1].decode().lstrip(") ").rstrip()
    return [file.replace(call, f"{{{file.render(pair[0])}: {file.render(pair[1])} {loops}}}")]


def _pair(node: ast.expr, file: File) -> tuple[ast.expr, ast.expr] | None:
    if isinstance(node, ast.Tuple) and len(node.elts) == 2:
        return node.elts[0], node.elts[1]
    if isinstance(node, ast.Call) and file.symbol(node) == _TAG:
        key, value = file.argument(node, 0, "key"), file.argument(node, 1, "value")
        return (key, value) if key is not None and value is not None else None
    return None


def _changes(node: ast.expr, file: File) -> Iterator[ast.Call]:
    """Yield the calls that change the map of an expression."""
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    if slot is not None:
        places: list[ast.expr] = list(slot.loads)
    elif isinstance(node, ast.Attribute):
        places = [*attributes(file, node)]
    else:
        places = []
    for each in places:
        parent = file.parents.get(each)
        call = file.call(parent) if isinstance(parent, ast.Attribute) and parent.attr in {"insert", "update", "delete"} else None
        if call is not None:
            yield call


def changed_between(node: ast.expr, start: int, end: int, file: File) -> bool:
    """Return whether a map is made or changed between two places of its file."""
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    if slot is not None:
        stores = [each for each in slot.stores if isinstance(each, ast.expr)]
    else:
        stores = [each for each in attributes(file, node) if isinstance(each.ctx, ast.Store)] if isinstance(node, ast.Attribute) else []
    return any(start <= file.start(each) < end for each in [*stores, *_changes(node, file)])


def may_change_after(node: ast.expr, call: ast.Call, file: File) -> bool:
    """Return whether a map may be changed after a call: below it, in a loop that goes on with it, or in another function, but for `__init__`."""
    owner = file.owner(call)
    made_in = stored(file, node)
    loops = [each for each in file.up(call) if isinstance(each, _LOOPS) and (made_in is None or each not in list(file.up(made_in[1])))]

    def is_before(change: ast.Call) -> bool:
        home = file.owner(change)
        if home is not owner:
            return isinstance(home, ast.FunctionDef) and home.name == "__init__"
        return file.start(change) < file.start(call) and not any(loop in loops for loop in file.up(change))

    return not all(is_before(change) for change in _changes(node, file))


def is_first(call: ast.Call, file: File) -> bool:
    """Return whether an insertion is the first one of its key: a later one has no effect."""
    base = call.func.value if isinstance(call.func, ast.Attribute) else None
    found = stored(file, base) if base is not None else None
    if base is None or found is None or found[0] is not file or not isinstance(found[1], ast.Call) or file.symbol(found[1]) != MAP:
        return False
    new = found[1]
    given = file.argument(new, 0, "tags")
    pairs = [_pair(each, file) for each in given.elts] if isinstance(given, (ast.List, ast.Tuple)) else []
    if (given is not None and not pairs) or file.owner(new) is not file.owner(call):
        return False
    loops = [each for each in file.up(call) if isinstance(each, _LOOPS)]
    if any(each not in list(file.up(new)) for each in loops):
        return False
    keys = [key_of(each, file) for each in _changes(base, file) if each is not call and file.start(each) < file.start(call)]
    keys += [text_of(pair[0], file) if pair is not None else None for pair in pairs]
    own = key_of(call, file)
    return own is not None and own not in keys and None not in keys


def _was_inserted(call: ast.Call, file: File) -> bool:
    base = call.func.value if isinstance(call.func, ast.Attribute) else None
    own = key_of(call, file)
    if base is None or own is None:
        return False
    blocks = []
    for each in [file.statement(call), *file.up(file.statement(call))]:
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            break
        blocks.append(file.body_of(each))
    slot = file.slot(base)
    for change in _changes(base, file):
        is_before = file.start(change) < file.start(call) and any(file.statement(change) in block for block in blocks)
        if not is_before or key_of(change, file) != own or not isinstance(change.func, ast.Attribute) or change.func.attr != "insert":
            continue
        stores = slot.stores if slot is not None else ()
        return not any(isinstance(each, ast.expr) and file.start(change) < file.start(each) for each in stores) and not any(
            isinstance(each.func, ast.Attribute) and each.func.attr == "delete" for each in _changes(base, file)
        )
    return False


def key_of(call: ast.Call, file: File) -> str | None:
    """Return the key of an insertion; None for one that is only known when the program runs."""
    return text_of(file.argument(call, 0, "key"), file)


def text_of(node: ast.expr | None, file: File) -> str | None:
    """Return the text of a constant, a tag key or a variable that holds one; None for another."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Call):
        return text_of(file.argument(node, 0, "name"), file) if file.symbol(node) in _TEXTS else None
    found = stored(file, node) if node is not None else None
    return text_of(found[1], found[0]) if found is not None else None


def keys_of(node: ast.expr, file: File) -> set[str] | None:
    """Return the keys that a map may have; None where that is only known when the program runs."""
    found = made(file, node)
    if found is not None and found[0].symbol(found[1]) == MAP:
        home, new = found
        given = home.argument(new, 0, "tags")
        pairs = [_pair(each, home) for each in given.elts] if isinstance(given, (ast.List, ast.Tuple)) else []
        keys = [text_of(pair[0], home) if pair is not None else None for pair in pairs]
        is_known = given is None or isinstance(given, (ast.List, ast.Tuple)) or (isinstance(given, ast.Constant) and given.value is None)
        inserted = _inserted(new, home)
        if is_known and inserted is not None and None not in (keys := [*keys, *inserted]):
            return {each for each in keys if each is not None}
    origins = held(file, node)
    if origins is None or any(home.symbol(call) != MAP for home, call in origins):
        return None
    everything = _every_key(file)
    return None if None in everything else {each for each in everything if each is not None}


def _inserted(new: ast.Call, file: File) -> list[str | None] | None:
    """Return the keys that a map gets after it is made; None where other code may put some into it."""
    place = target(file, new)
    if place is None:
        parent = file.parents.get(new)
        return [] if isinstance(parent, ast.Call) and file.symbol(parent).endswith(".record") else None
    found = []
    for home, load in readers(file, place):
        parent = home.parents.get(load)
        above = home.parents.get(parent) if isinstance(parent, ast.keyword) else parent
        if isinstance(above, ast.Call) and home.symbol(above).endswith(".record"):
            continue
        call = home.call(parent) if isinstance(parent, ast.Attribute) and parent in home.by_node else None
        if call is None or not isinstance(parent, ast.Attribute):
            return None
        if parent.attr in {"insert", "update"}:
            found.append(key_of(call, home))
    return found


@of_program
def _every_key(file: File) -> set[str | None]:
    """Return the keys of all maps of a program."""
    return {key for home in file.files.values() for key in _all_keys(home)}


def _all_keys(file: File) -> Iterator[str | None]:
    """Yield the keys of all maps of a file."""
    for use in file.uses:
        call = file.call(use.node)
        if call is None:
            continue
        if use.symbol in {f"{MAP}.insert", f"{MAP}.update"}:
            yield key_of(call, file)
        elif use.symbol == MAP:
            given = file.argument(call, 0, "tags")
            if given is not None and not (isinstance(given, ast.Constant) and given.value is None):
                if not isinstance(given, (ast.List, ast.Tuple)):
                    yield None
                    continue
                for each in given.elts:
                    pair = _pair(each, file)
                    yield text_of(pair[0], file) if pair is not None else None


REWRITERS: dict[str, Rewriter] = {"S011": tags}
