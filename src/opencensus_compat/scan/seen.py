"""What a scan found, beside what a recording saw: which uses ran and how often, and which lines ran and are in no report."""

from __future__ import annotations

import ast
import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.scan.findings import Recorded, Unfound
from opencensus_compat.scan.strings import tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opencensus_compat.scan.findings import Use
    from opencensus_compat.scan.python_uses import Found

_IN_TEXT = frozenset({"N001", "N003", "N005", "W011"})
"""Rules of names that something else than the line with the name makes use of."""
_PROTOCOL = "ext.azure.common.protocol"
_WHOLE_FILE = frozenset({"F001", "F002"})


@dataclass(frozen=True, slots=True)
class Site:
    """A line of a program that called a public name of OpenCensus."""

    file: str
    line: int
    symbol: str
    """Dotted name below ``opencensus``."""
    via: str
    """Module of the standard library that made the call for this line; empty for none."""
    count: int


class Seen:
    """The call sites of a recording, by the files of a scan."""

    def __init__(self, sites: Iterable[Site], scanned: Iterable[str]) -> None:
        """Assign the sites to files.

        Args:
            sites: Of the recording.
            scanned: Paths of all files of Python in the scan.
        """
        every = list(sites)
        paths = {os.path.realpath(path): path for path in scanned}
        own = _by_path({site.file for site in every}, paths)
        self._lines: dict[str, dict[int, list[Site]]] = defaultdict(lambda: defaultdict(list))
        self._elsewhere: Counter[str] = Counter()
        places = [file for file, _ in {(site.file, site.line) for site in every if not site.via}]
        self._places = len(places)
        self._places_elsewhere = sum(file not in own for file in places)
        for site in every:
            if site.via or site.file not in own:
                self._elsewhere[site.symbol] += site.count
            else:
                self._lines[own[site.file]][site.line].append(site)
        self._found: dict[str, set[int]] = defaultdict(set)

    def marks(self, path: str, tree: ast.Module, uses: Sequence[Found]) -> list[int | None]:
        """Return how often each use of a file ran; None where it cannot be seen: imports, annotations, constants, names in text."""
        sites = self._lines.get(path)
        calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
        return [self._mark(path, sites or {}, use, calls.get(id(use.node))) for use in uses]

    def _mark(self, path: str, sites: Mapping[int, Sequence[Site]], use: Found, call: ast.Call | None) -> int | None:
        first = getattr(use.node, "lineno", 1)
        last = getattr(call or use.node, "end_lineno", None) or first
        owner, _, name = use.symbol.rpartition(".")
        if name in {"__init__", "__new__"}:
            owner, _, name = owner.rpartition(".")
        count = 0
        for line in range(first, last + 1):
            if line in sites:
                self._found[path].add(line)
                count += sum(site.count for site in sites[line] if site.symbol.rpartition(".")[2] == name)
        if not count and (owner.startswith(_PROTOCOL) or (call is not None and tail(call) != name)):
            # Envelopes are the exporter's; and a class of the program's own may have a constructor that comes first.
            return None
        is_member = isinstance(use.node, ast.Attribute) and owner.rpartition(".")[2][:1].isupper() and name[:1].islower()
        return count if count or call is not None or is_member else None

    def in_text(self, use: Use) -> int | None:
        """Return how often something else than its own line has called what a text names; None where that is not known."""
        return self._elsewhere.get(use.symbol) if use.rule_id in _IN_TEXT else use.seen

    def recorded(self, uses: Iterable[Use]) -> Recorded:
        """Return what the recording has beside the uses that were found."""
        unread = {use.path for use in uses if use.rule_id in _WHOLE_FILE}
        unfound = [
            Unfound(path, line, ", ".join(sorted({site.symbol for site in sites})), max(site.count for site in sites))
            for path, lines in self._lines.items()
            if path not in unread
            for line, sites in lines.items()
            if line not in self._found[path]
        ]
        return Recorded(self._places, self._places_elsewhere, tuple(sorted(unfound)))


def _by_path(files: set[str], scanned: Mapping[str, str]) -> dict[str, str]:
    """Return the path in the scan of each file of a recording that is in it, also where the program ran in another folder or container."""
    own = {file: scanned[real] for file in files if (real := os.path.realpath(file)) in scanned}
    if own:
        return own
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in scanned:
        by_name[os.path.basename(path)].append(path)
    votes: Counter[tuple[str, str]] = Counter()
    for file in files:
        votes.update({_fronts(file, path) for path in by_name[file.replace("\\", "/").rpartition("/")[2]]})
    if not votes:
        return {}
    # Of the folders that may be the same, those that the most files agree on; of these, the deepest.
    (there, here), _ = max(votes.items(), key=lambda vote: (vote[1], len(vote[0][0]), vote[0]))
    moved = {
        file: os.path.normpath(os.path.join(here, file[len(there) :].replace("\\", "/").lstrip("/")))
        for file in files
        if file.startswith(there)
    }
    return {file: scanned[path] for file, path in moved.items() if path in scanned}


def _fronts(file: str, path: str) -> tuple[str, str]:
    """Return what two paths begin with, before the parts that they have in common."""
    there, here = file.replace("\\", "/").split("/"), path.split(os.sep)
    while there and here and there[-1] == here[-1]:
        there.pop()
        here.pop()
    return file[: len("/".join(there))], os.sep.join(here)
