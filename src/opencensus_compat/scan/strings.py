"""Uses of OpenCensus in the string literals of a program."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from opencensus_compat.scan import text_uses
from opencensus_compat.scan.rules import rule_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"opencensus(?:\.[A-Za-z_]\w*)+")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
"""A dotted name."""
_SOURCE = re.compile(r"\s*(?:lambda[^:]*:\s*)?opencensus(?:\.[A-Za-z_]\w*)+\s*\(")
_KEY_ONLY = re.compile(r"\s*InstrumentationKey=(?!.*Endpoint)", re.IGNORECASE | re.DOTALL)
_REQUIREMENT = re.compile(
    r"(opencensus-(?:ext|extension|context)[\w-]*|opencensus(?=\s*(?:\[.*\])?\s*(?:[~=!<>]=|[<>])))\s*(?:\[.*\])?\s*(?:[~=!<>;@].*)?"
)
_LOGGERS = re.compile(r"""\bloggers["']?\s*:.*?["'\s{]opencensus["']?\s*:""", re.DOTALL)
_IMPORT = re.compile(
    r"(?:^|[;\n])[ \t]*(?:from[ \t]+opencensus((?:\.\w+)*)[ \t]+import\b|import[ \t]+opencensus((?:\.\w+)*)[ \t]*(?=$|[,;#\n]|as\b))"
)
_FORMAT = re.compile(r"%\((?:traceId|spanId)\)|\{(?:traceId|spanId)\b")

RULE_OF_CALL = {
    "getLogger": "N004",
    "Filter": "N004",
    "import_module": "I006",
    "__import__": "I006",
    "find_spec": "I006",
    "importorskip": "I006",
    "patch": "N002",
    "setattr": "N002",
    "delattr": "N002",
}
"""Function -> the rule of a dotted name that it gets."""


ENTERS = frozenset({"enter_context", "enter_async_context"})
"""Methods of `ExitStack` that enter what they get, as a `with` statement does."""


def attribute_in_text(call: ast.Call) -> str | None:
    """Return the attribute that `getattr(something, "name")` reads, also with a default; None for another call."""
    is_meant = isinstance(call.func, ast.Name) and call.func.id == "getattr" and len(call.args) in {2, 3} and not call.keywords
    name = call.args[1] if is_meant else None
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None


_WITHOUT_NODES = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "kind", "level", "module", "asname", "type_comment", "lineno"})
"""Fields of nodes that have no node, or one object for all places."""
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
"""Class of nodes -> its other fields, once that was asked for."""


def children(node: ast.AST) -> list[ast.AST]:
    """Return what `ast.iter_child_nodes` yields but for contexts and operators, in a third of its time."""
    kind = node.__class__
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(name for name in kind._fields if name not in _WITHOUT_NODES)
    found: list[ast.AST] = []
    for name in _FIELDS[kind]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [each for each in value if isinstance(each, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def tail(node: ast.expr) -> str:
    """Return the last part of a dotted name, also of one that is called; empty for other expressions."""
    if isinstance(node, ast.Call):
        return tail(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_patch(node: ast.expr) -> bool:
    """Return whether a function is `patch.object`, `patch.dict` or `patch.multiple`."""
    return isinstance(node, ast.Attribute) and tail(node.value) == "patch"


def text_of(node: ast.expr) -> str | None:
    """Return the text of a literal, with a zero for each value of an f-string; None for another expression."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def use_in(node: ast.expr, rule: str | None) -> tuple[str, str] | None:
    """Return the rule and symbol of a string literal that names OpenCensus, or a thing of it.

    Args:
        node: A constant or an f-string.
        rule: The rule for a dotted name in this place.
    """
    text = text_of(node)
    if text is None:
        return None
    if _KEY_ONLY.match(text):
        return "A003", "connection_string"
    if text in {"custom_dimensions", "custom_measurements"}:
        return ("L004" if text == "custom_dimensions" else "L005"), text
    if _FORMAT.search(text):
        return "L006", "traceId" if "traceId" in text else "spanId"
    required = _REQUIREMENT.fullmatch(text)
    if required:
        return "R001", required[1]
    if _NAME.fullmatch(text):
        name = text.partition(".")[2]
        of_name = rule_of(name)
        if of_name is not None and of_name.id in {"W011", "W013"} and rule is None:
            return of_name.id, name
        return rule or "N001", name
    if text == "opencensus" and rule in {"I006", "N004"}:
        return rule, ""
    if _SOURCE.match(text):
        first = _NAME.search(text)
        return "N005", first[0].partition(".")[2] if first else ""
    return None


def uses_in_lines(node: ast.expr) -> Iterator[tuple[str, str]]:
    """Yield the rule and symbol of each thing of OpenCensus in a literal that holds the text of a file: a logging configuration, or a program.

    Args:
        node: A constant or an f-string.
    """
    text = text_of(node)
    if text is None or "opencensus" not in text:
        return
    imported = {(match[1] or match[2] or "").removeprefix(".") for match in _IMPORT.finditer(text)}
    if imported:
        yield from (("N001", name) for name in sorted(imported))
        return
    uses = {(use.rule, use.symbol) for use in text_uses.read(text.encode("utf-8", "replace").splitlines()) if use.rule in {"N003", "N004"}}
    if any(rule == "N003" for rule, _ in uses):
        yield from sorted(uses)
        if _LOGGERS.search(text):
            yield "N004", ""
