"""Measurement maps that branches of a function record: which measurements come to which record, on each path."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opencensus_compat.rewrite.context import File

_State: TypeAlias = tuple[frozenset[ast.Call], frozenset[object]]
"""What was put since the last record, and the measures that the map holds from before it."""


class _Unknown(Exception):
    """Which measurements a record has is not known."""


class _Walk:
    def __init__(
        self, file: File, calls: Mapping[ast.stmt, ast.Call], measure: Callable[[ast.Call], object], records: set[ast.Call]
    ) -> None:
        self._file = file
        self._calls = calls
        self._measure = measure
        self._records = records
        self.found: dict[ast.Call, set[ast.Call]] = {}
        self.seen: set[ast.Call] = set()

    def block(self, statements: Iterable[ast.stmt], states: set[_State]) -> set[_State]:
        """Return the states after a block, of the paths that come to its end."""
        for statement in statements:
            states = self._statement(statement, states)
        return states

    def _statement(self, statement: ast.stmt, states: set[_State]) -> set[_State]:
        call = self._calls.get(statement)
        if call is not None:
            self.seen.add(call)
            return {self._recorded(call, each) if call in self._records else self._put(call, each) for each in states}
        match statement:
            case ast.If():
                return self.block(statement.body, states) | self.block(statement.orelse, states)
            case ast.With() | ast.AsyncWith():
                return self.block(statement.body, states)
            case ast.Match():
                return states.union(*(self.block(case.body, states) for case in statement.cases))
            case ast.Return() | ast.Raise() | ast.Break() | ast.Continue():
                self.leave(states)
                return set()
        if any(each in self._calls for each in ast.walk(statement)):
            raise _Unknown
        return states

    def leave(self, states: set[_State]) -> None:
        """Note that paths end here.

        Raises:
            _Unknown: One of them has put something that is recorded nowhere.
        """
        if any(pending for pending, _ in states):
            raise _Unknown

    def _put(self, call: ast.Call, state: _State) -> _State:
        if self._measure(call) in {self._measure(each) for each in state[0]}:
            raise _Unknown
        return state[0] | {call}, state[1]

    def _recorded(self, call: ast.Call, state: _State) -> _State:
        measures = frozenset(self._measure(each) for each in state[0])
        # A map keeps what was put into it before.
        if not state[0] or not state[1] <= measures:
            raise _Unknown
        self.found.setdefault(call, set()).update(state[0])
        return frozenset(), measures


def measurements(
    new: ast.Call, puts: list[ast.Call], records: list[ast.Call], measure: Callable[[ast.Call], object], file: File
) -> dict[ast.Call, list[ast.Call]] | None:
    """Return record -> what is put before it, where each path records all that it puts, once; None where that is not so.

    Args:
        new: What makes the map.
        puts: All calls that put something into it.
        records: All calls that record it.
        measure: What is the same for two calls that put a value of one measure.
        file: Their file.
    """
    calls = {file.statement(each): each for each in [*puts, *records]}
    if len(calls) < len(puts) + len(records) or not all(map(file.is_alone, calls.values())):
        return None
    statement = file.statement(new)
    block = file.body_of(statement)
    walk = _Walk(file, calls, measure, set(records))
    try:
        walk.leave(walk.block(block[block.index(statement) + 1 :], {(frozenset(), frozenset())}))
    except _Unknown:
        return None
    if walk.seen != set(calls.values()):
        return None
    return {record: sorted(walk.found.get(record, ()), key=file.start) for record in records}
