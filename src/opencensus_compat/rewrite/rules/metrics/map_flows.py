"""Which measurement maps go together: those that may come to the same place, with all that is put into them, recorded and counted."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.rules.metrics import maps
from opencensus_compat.rewrite.rules.metrics.views import PUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opencensus_compat.rewrite.context import File, Outcome
    from opencensus_compat.scan.python_uses import Found

RECORD = f"{maps.MAP}.record"
LENGTH = f"{maps.MAP}.measurement_map"
_SYMBOLS = frozenset({maps.NEW, RECORD, LENGTH, *PUTS})


@dataclass(slots=True, eq=False)
class Flow:
    """Maps that may come to the same place, and all uses of them."""

    uses: list[tuple[File, Found]]
    are_dicts: bool | None = None
    """Whether they become dicts; None as long as nobody asked, for all uses are looked at for that."""

    def puts(self) -> list[tuple[File, ast.Call]]:
        """Return the calls that put something into one of the maps, with their files."""
        found = ((home, home.call(use.node)) for home, use in self.uses if use.symbol in PUTS)
        return [(home, call) for home, call in found if call is not None]

    def is_recorded(self) -> bool:
        """Return whether one of the maps is ever recorded."""
        return any(use.symbol == RECORD for _, use in self.uses)


def of(use: Found, file: File) -> Flow | None:
    """Return the maps of a use, and all that is done with them; None for a use of which the map is not known."""
    return _flows(file).get(use)


@of_program
def _flows(file: File) -> dict[Found, Flow]:
    flow_of: dict[ast.AST, Flow] = {}
    for home, use, made in _used(file):
        joined = [*{id(flow): flow for each in made if (flow := flow_of.get(each)) is not None}.values()]
        flow = Flow([*(each for one in joined[1:] for each in one.uses), (home, use)])
        if joined:
            joined[0].uses += flow.uses
            flow = joined[0]
        if joined[1:]:
            flow_of.update([(each, flow) for each, of_each in flow_of.items() if of_each in joined[1:]])
        flow_of.update(dict.fromkeys(made, flow))
    return {use: flow for flow in flow_of.values() for _, use in flow.uses}


def _used(file: File) -> Iterator[tuple[File, Found, set[ast.AST]]]:
    """Yield each use of a map that is known, with its file and the calls that make the maps."""
    for home in file.files.values():
        for use in home.uses:
            node = use.node
            if use.symbol not in _SYMBOLS or not isinstance(node, ast.Attribute):
                continue
            call = home.call(node)
            if use.symbol == maps.NEW:
                if call is not None:
                    yield home, use, {call}
                continue
            found = held(home, node.value)
            if found and all(other.symbol(each) == maps.NEW for other, each in found):
                yield home, use, {each for _, each in found}


def works(flow: Flow, outcome: Callable[[Found, File], Outcome]) -> bool:
    """Return whether all uses of some maps can become what a function makes of each; nothing is left noted of that."""
    files: Sequence[File] = [*{id(home): home for home, _ in flow.uses}.values()]
    before = [(set(home.covered), list(home.needs)) for home in files]
    try:
        return not any(isinstance(outcome(use, home), (Ask, Keep)) for home, use in flow.uses)
    except Refused:
        return False
    finally:
        for home, (covered, needs) in zip(files, before, strict=True):
            home.covered.clear()
            home.covered.update(covered)
            home.needs[:] = needs
