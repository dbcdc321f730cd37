"""One operation's rows as a tree, the portal's end-to-end transaction. Pure, but for the rows it is given.

Items hang below the request or dependency whose ``id`` is their ``operation_ParentId``. The legacy SDK's pipe form of a
parent (``|trace.span.``) is read as the span. Nothing is lost: an item whose parent did not arrive stands at the top
and says so, and a circle of parents is cut at its earliest item.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .tables import TABLES, TableRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .bodies import JsonObject

PIPE_FORM = re.compile(r"\|[^.|]+\.([^.|]+)\.")
"""A parent as the legacy SDK writes it; the group is the span."""
MAX_FLAGS = 32
"""Levels that ``Transaction.walk`` describes for each node."""

_WITH_ID = ("requests", "dependencies", "pageViews", "availabilityResults")


class Source(Protocol):
    """Where rows come from: an endpoint, a store, or a running endpoint seen over HTTP."""

    def rows(self, table: str, where: Mapping[str, str] | None = None) -> list[TableRow]:
        """Return the rows of a portal table in arrival order."""

    def operation_ids(self) -> list[str]:
        """Return the operations in order of start."""


@dataclass(slots=True)
class Node:
    """One item of a transaction."""

    table: str
    row: Mapping[str, object]
    parent_id: str | None
    """Id of the parent, pipe form resolved; ``None`` for a root."""
    children: list[Node] = field(default_factory=list)
    """By start time."""
    note: str = ""
    """``orphan`` (the parent did not arrive), ``cycle`` (its parents lead back to it), ``duplicate`` (another item has
    the same id and the children), or empty."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """All items of one operation."""

    operation_id: str
    roots: tuple[Node, ...]
    """By start time."""

    def walk(self) -> Iterator[tuple[int, tuple[bool, ...], Node]]:
        """Yield every node in display order, with its depth and with flags for its nearest ancestors and, last, itself:
        whether that one is the last of its siblings. At most ``MAX_FLAGS`` flags, so that a long chain stays cheap.
        """
        pending: list[tuple[int, tuple[bool, ...], Node]] = [(0, (), root) for root in reversed(self.roots)]
        while pending:
            depth, flags, node = pending.pop()
            yield depth, flags, node
            above = flags[1 - MAX_FLAGS :]
            count = len(node.children)
            pending.extend((depth + 1, (*above, place == count), child) for place, child in reversed(list(enumerate(node.children, 1))))


def find(source: Source, wanted: str) -> Transaction | None:
    """Return the transaction with this operation id, with the only id that begins like this, or the ``latest``."""
    if wanted == "latest":
        known = source.operation_ids()
        if not known:
            return None
        wanted = known[-1]
    rows = _rows(source, wanted)
    if not any(rows.values()) and wanted:
        similar = [operation_id for operation_id in source.operation_ids() if operation_id.startswith(wanted)]
        if len(similar) == 1:
            wanted = similar[0]
            rows = _rows(source, wanted)
    if not any(rows.values()):
        return None
    return build(wanted, rows)


def build(operation_id: str, rows: Mapping[str, list[TableRow]]) -> Transaction:
    """Return the tree of rows that share an operation id.

    Args:
        operation_id: That id.
        rows: Rows by portal table.

    """
    nodes = [Node(table, row, parent_id(row, operation_id)) for table, found in rows.items() for row in found]
    nodes.sort(key=_order)
    by_id: dict[str, Node] = {}
    for node in nodes:
        own_id = node.row.get("id") if node.table in _WITH_ID else None
        if isinstance(own_id, str) and own_id:
            if own_id in by_id:
                node.note = "duplicate"
            else:
                by_id[own_id] = node
                if (match := PIPE_FORM.fullmatch(own_id)) is not None:
                    by_id.setdefault(match[1], node)
    roots = []
    for node in nodes:
        parent = by_id.get(node.parent_id) if node.parent_id is not None else None
        if parent is not None:
            parent.children.append(node)
            continue
        if node.parent_id is not None:
            node.note = node.note or "orphan"
        roots.append(node)
    reached: set[int] = set()
    _reach(roots, reached)
    for node in nodes:
        if id(node) not in reached:
            # Every node left hangs, in the end, on a circle; cutting the earliest node off its parent opens it.
            parent = by_id[node.parent_id or ""]
            parent.children = [child for child in parent.children if child is not node]
            node.note = "cycle"
            roots.append(node)
            _reach([node], reached)
    roots.sort(key=_order)
    return Transaction(operation_id, tuple(roots))


def as_dict(transaction: Transaction) -> JsonObject:
    """Return the transaction for programs: items in display order, each with its depth, so that any depth is valid JSON."""
    items = [
        {"depth": depth, "table": node.table, "parentId": node.parent_id, "note": node.note, "row": dict(node.row)}
        for depth, _, node in transaction.walk()
    ]
    return {"operationId": transaction.operation_id, "items": items}


def _rows(source: Source, operation_id: str) -> dict[str, list[TableRow]]:
    return {table: source.rows(table, {"operation_Id": operation_id}) for table in TABLES}


def parent_id(row: Mapping[str, object], operation_id: str) -> str | None:
    """Return the id of a row's parent, pipe form resolved; ``None`` for a root."""
    parent = row.get("operation_ParentId")
    if not isinstance(parent, str) or not parent or parent == operation_id:
        return None
    match = PIPE_FORM.fullmatch(parent)
    if match is not None:
        parent = match[1]
    return None if parent.strip("0") == "" else parent


def _order(node: Node) -> tuple[str, bool]:
    """Sort by start; at the same instant, spans before what was logged in them."""
    return str(node.row.get("timestamp", "")), node.table not in _WITH_ID


def _reach(roots: list[Node], reached: set[int]) -> None:
    pending = list(roots)
    while pending:
        node = pending.pop()
        if id(node) not in reached:
            reached.add(id(node))
            pending.extend(node.children)
