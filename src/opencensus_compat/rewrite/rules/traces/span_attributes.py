"""Attributes of spans: one by one, and as a mapping."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.rules.traces.attribute_values import as_text, of_key, of_mapping
from opencensus_compat.rewrite.rules.traces.opened import opened_by
from opencensus_compat.rewrite.rules.traces.spans import as_call
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_CALL = frozenset({"partial", "callback"})
"""Functions that take another one and its arguments."""
_WITH_BOTH = 3


def attribute(use: Found, file: File) -> Outcome:
    """`span.add_attribute(key, value)` → `span.set_attribute(key, value)`."""
    call = file.call(use.node)
    if call is None:
        return [file.rename(use.node, "set_attribute")] if _is_called_by_place(use.node, file) else Keep("a method as a value")
    keywords = file.positional(call, {"attribute_key": "key", "attribute_value": "value"})
    key = of_key(file.argument(call, 0, "attribute_key"), file)
    return [file.rename(use.node, "set_attribute"), *keywords, *key, *as_text(file.argument(call, 1, "attribute_value"), file)]


def _is_called_by_place(node: ast.AST, file: File) -> bool:
    """Return whether a method is handed to what calls it, later, with the key and the value that follow."""
    above = file.parents.get(node)
    return (
        isinstance(above, ast.Call)
        and above.args[:1] == [node]
        and strings.tail(above.func) in _CALL
        and not above.keywords
        and len(above.args) == _WITH_BOTH
        and isinstance(above.args[1], ast.Constant)
        and not as_text(above.args[2], file)
    )


def mapping(use: Found, file: File) -> Outcome:
    """`span.attributes[key] = value` → `span.set_attribute(key, value)`."""
    node = use.node
    if not isinstance(node, ast.Attribute):
        return Keep("a variable that holds the attributes of a span")
    above, statement = file.parents.get(node), file.statement(node)
    if isinstance(above, ast.Subscript) and isinstance(statement, ast.Assign) and statement.targets == [above]:
        head = file.splice(file.end(node) - len(node.attr), file.start(above.slice), "set_attribute(", node)
        sign = file.source.index(b"=", file.end(above))
        value = sign + 1 + len(file.source[sign + 1 :]) - len(file.source[sign + 1 :].lstrip(b" \t"))
        middle = file.splice(file.end(above.slice), value, ", ", node)
        text = [*of_key(above.slice, file), *as_text(statement.value, file)]
        return [head, middle, *text, file.splice(file.end(statement), file.end(statement), ")", node)]
    call = file.call(node)
    if call is not None and use.symbol.endswith(".attributes.update") and file.is_alone(call) and (call.args or call.keywords):
        return [file.splice(file.end(node) - len("attributes.update"), file.end(node), "set_attributes", node), *_as_mapping(call, file)]
    if isinstance(statement, ast.Assign) and statement.targets == [node] and _is_first_of(node, statement, file):
        return [*as_call(node, statement, file, "set_attributes("), *of_mapping(statement.value, file)]
    if isinstance(node.ctx, ast.Store):
        return Ask("Which attributes does the span have by then? These take the place of all, and OpenTelemetry only adds.")
    if isinstance(above, ast.Subscript) and isinstance(above.ctx, ast.Del):
        return Ask("Where does the span get this attribute? OpenTelemetry's spans do not give one up.")
    return Ask(
        "OpenTelemetry's spans have no attributes that can be read: who needs them? Read what the span was given; in a "
        "test, `attributes` of the spans of an `InMemorySpanExporter`."
    )


def _as_mapping(call: ast.Call, file: File) -> list[Edit]:
    """Return the edits that make the arguments of `dict.update` the one mapping which `set_attributes` takes."""
    if len(call.args) == 1 and not call.keywords and _is_mapping(call.args[0], file):
        return of_mapping(call.args[0], file)
    if "dict" in file.bindings.module:
        raise Refused(Ask("Which attributes are these? `span.set_attributes` takes one dict."))
    edits = [edit for keyword in call.keywords if keyword.arg is not None for edit in as_text(keyword.value, file)]
    edits += of_mapping(call.args[0], file) if call.args else []
    start, end = file.end(call.func) + 1, file.end(call) - 1
    return [file.splice(start, start, "dict(", call), *edits, file.splice(end, end, ")", call)]


def _is_mapping(node: ast.expr, file: File) -> bool:
    """Return whether a value is a dict, and no sequence of pairs."""
    value = file.only_value(file.slot(node)) if isinstance(node, ast.Name) else node
    is_called = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict"
    return is_called or isinstance(value, (ast.Dict, ast.DictComp))


def _is_first_of(node: ast.Attribute, statement: ast.Assign, file: File) -> bool:
    """Return whether a span has no attributes before some are assigned, which nothing changes after that but through the span."""
    if _is_given_before(node, file):
        return False
    if isinstance(statement.value, ast.Dict):
        return not isinstance(node.value, ast.Name) or (slot := file.slot(node.value)) is None or slot.parameter is None
    block, held = file.body_of(statement), file.slot(statement.value)
    is_known = held is not None and isinstance(held.owner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module))
    if not is_known or opened_by(node.value, statement, file) is None or not isinstance(file.parents.get(statement), ast.With):
        return False
    after = [each for part in block[block.index(statement) + 1 :] for each in ast.walk(part) if isinstance(each, ast.Name)]
    return not any(file.slot(each) is held for each in after)


def _is_given_before(node: ast.Attribute, file: File) -> bool:
    """Return whether an attribute may be given to a span of a function, above a place in it."""
    text, function = ast.unparse(node.value), file.function(node)
    blocks = (each for each in file.up(node) if isinstance(each, (ast.With, ast.AsyncWith)))
    opened = next(
        (each for each in blocks if any(item.optional_vars and file.text(item.optional_vars) == text for item in each.items)), None
    )
    first = file.start(opened) if opened is not None else 0
    return any(
        first < file.start(each) < file.start(node)
        and (each.attr == "add_attribute_to_current_span" or ast.unparse(each.value) == text)
        and file.function(each) is function
        for each in file.kinds[ast.Attribute]
        if each.attr in {"attributes", "add_attribute", "add_attribute_to_current_span"}
    )


REWRITERS: dict[str, Rewriter] = {"T020": attribute, "T024": mapping}
