"""Which item after is which item before. By structure: the transaction's tree, names, content, and order in time; by no random id.

Steps, each with what the one before has left: transactions of one id, which a caller gave; those that are the same in all columns, in the
columns that change nowhere, in their trees; those that share items; those with the same root. Inside a pair of transactions items with
the same path of names from the root and the same content; then with the same path; then with the same name; then with the same parent and
most of the content. What is left then, and what belongs to no operation, is matched over all transactions; at the end, what is above items that are the same, and what had no name. Pure, but for the recording
that `Side` reads once.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.local.tables import TAG_COLUMNS
from opencensus_compat.local.transaction import PIPE_FORM, parent_id

from .model import ABSENT
from .noise import is_compared

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from .places import Placed
    from .recordings import Item, Recording

Place: TypeAlias = "tuple[str, str, str]"
"""Table, label and column."""
Replacements: TypeAlias = "Sequence[tuple[re.Pattern[str], str]]"

ID = re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b")
_DIGITS = re.compile(r"\d+")
_FRAME = '  File "'
_BELOW_CODE = re.compile(r'(  File "[^\n]*\n {4}[^\n]*)((?:\n {4,}[^\n]*)+)')
"""What follows the first line of a frame's code. Each release of Python marks places in it otherwise, and shows more or fewer of its lines."""
_WORD = re.compile(r"[0-9A-Za-z]+")
_LABELS = {"traces": "message", "exceptions": "outerType"}
_MOST_SIMILAR = 8
"""Items of one kind below one parent that are paired by content; more than that by order."""
_BY_CHANCE = 2
"""Times that a random name, digits masked, may be on the other side."""
_STABLE = 0.95
_ALIKE = 0.5


@dataclass(slots=True, eq=False)
class Entry:
    """One item, as small as can be: a hash for each column, so that 100,000 of them fit."""

    number: int
    table: str
    label: str
    """Name, message or type, digits and ids masked."""
    weight: int
    """Items that it counts for."""
    columns: tuple[str, ...]
    hashes: array[int]
    """One for each column."""
    key: str
    operation: str
    """As sent; empty where there is none."""
    own: str
    parent: str
    """As sent."""
    span: str | None
    """The parent that it means."""
    duration_ms: float | None
    moment: str
    above: int = -1
    """Place of the parent; -1 where it has none or it did not arrive."""
    path: int = 0
    """Hash of the labels from the root."""
    place: int = 0
    """The path, in its resource where both sides know that."""
    lineage: int = 0
    """Hash of the content of all items from the root."""
    exact: int = 0
    stable: int = 0

    @property
    def in_operation(self) -> str | None:
        """The operation, or None where it is absent or zeros."""
        return self.operation if self.operation.strip("0") else None


class Side:
    """All items of a recording that are spans, logs or events; in order of time."""

    def __init__(self, recording: Recording, tables: Iterable[str], replacements: Replacements = (), placed: Placed | None = None) -> None:
        """Read a recording.

        Args:
            recording: Read once.
            tables: Tables of the portal.
            replacements: What is put into texts before they are compared.
            placed: Puts what items say of lines in the form that both sides have.

        """
        self.name = recording.name
        self._replacements = replacements
        self._placed = placed
        self.ids = {token for text in recording.ids() for token in (text, *_WORD.findall(text)) if token.strip("0")}
        layouts: dict[tuple[str, ...], tuple[str, ...]] = {}
        texts: dict[str, str] = {}
        self.entries = [self._entry(item, layouts, texts) for table in tables for item in recording.items(table)]
        self.entries.sort(key=lambda entry: (entry.moment, entry.number))
        self.by_id: dict[str, int] = {}
        self._roots: dict[str, Entry] = {}
        self._connect()

    @cached_property
    def below(self) -> Counter[tuple[str, int]]:
        """How many items of a table are below the item at a place."""
        return Counter((entry.table, entry.above) for entry in self.entries)

    def root(self, operation: str) -> Entry:
        """Return the first item of an operation that has no parent here."""
        if not self._roots:
            for entry in reversed(self.entries):
                if entry.above < 0 or entry.operation not in self._roots:
                    self._roots[entry.operation] = entry
        return self._roots[operation]

    def cells(self, item: Item) -> Mapping[str, object]:
        """Return what is compared of an item, lines of code in the form that both sides have."""
        return item.cells if self._placed is None else self._placed.cells(item.cells)

    def masked(self, value: object) -> object:
        """Return a value with what differs from run to run by its nature put in one form."""
        if not isinstance(value, str):
            return value
        for pattern, text in self._replacements:
            value = pattern.sub(text, value)
        if _FRAME in value:
            value = _BELOW_CODE.sub(r"\1", value)
        return ID.sub(self._mask, value) if ID.search(value) else value

    def _mask(self, match: re.Match[str]) -> str:
        return "<id>" if match[0] in self.ids else match[0]

    def _entry(self, item: Item, layouts: dict[tuple[str, ...], tuple[str, ...]], texts: dict[str, str]) -> Entry:
        row, cells = item.row, self.cells(item)
        every = (item.table, *cells)
        names = layouts.get(every)
        if names is None:
            names = tuple(name for name in cells if is_compared(item.table, name))
            names = layouts[every] = layouts.setdefault((item.table, *names), names)
        hashes = array("q", [hash((name, _canonical(self.masked(cells[name])))) for name in names])
        label = str(self.masked(str(cells.get(_LABELS.get(item.table, "name")) or "")))
        label = _DIGITS.sub("#", label[:200])

        def one(text: object) -> str:
            return texts.setdefault(text, text) if isinstance(text, str) else ""

        operation = one(row.get("operation_Id"))
        span = parent_id(row, operation)
        duration = row.get("duration")
        return Entry(
            item.number,
            item.table,
            one(label),
            int(row["itemCount"] or 1),
            names,
            hashes,
            one(row.get("iKey")),
            operation,
            one(row.get("id")),
            one(row.get("operation_ParentId")),
            one(span) if span is not None else None,
            duration,
            str(row.get("timestamp") or ""),
        )

    def _connect(self) -> None:
        """Find each item's parent, in its operation first, and its path."""
        inside: dict[tuple[str, str], int] = {}
        for place, entry in enumerate(self.entries):
            if entry.own:
                match = PIPE_FORM.fullmatch(entry.own)
                for own in (entry.own, *([match[1]] if match else [])):
                    inside.setdefault((entry.operation, own), place)
                    self.by_id.setdefault(own, place)
        for place, entry in enumerate(self.entries):
            if entry.span is not None:
                above = inside.get((entry.operation, entry.span), self.by_id.get(entry.span, -1))
                entry.above = above if above != place else -1
        for entry in self.entries:
            chain = []
            seen = set()
            at = entry
            while not at.path and id(at) not in seen:
                chain.append(at)
                seen.add(id(at))
                if at.above < 0:
                    break
                at = self.entries[at.above]
            path = at.path or hash("orphan" if at.span is not None else "root")
            for below in reversed(chain):
                path = below.path = hash((path, below.table, below.label)) or 1


@dataclass(slots=True)
class Matching:
    """Which item after is which item before."""

    before: Side
    after: Side
    pairs: dict[int, int] = field(default_factory=dict)
    """Place before -> place after."""
    back: dict[int, int] = field(default_factory=dict)
    operations: dict[str, str] = field(default_factory=dict)
    """Operation before -> operation after."""

    def add(self, one: int, other: int) -> None:
        """Note that two items are the same one."""
        self.pairs[one] = other
        self.back[other] = one

    def only_before(self) -> Iterator[Entry]:
        """Yield the items that have no counterpart after."""
        return (entry for place, entry in enumerate(self.before.entries) if place not in self.pairs)

    def only_after(self) -> Iterator[Entry]:
        """Yield the items that have no counterpart before."""
        return (entry for place, entry in enumerate(self.after.entries) if place not in self.back)


def match(before: Side, after: Side, volatile: AbstractSet[Place] = frozenset()) -> Matching:
    """Return which item after is which item before.

    Args:
        before: Its entries' sums are written anew.
        after: The same.
        volatile: Columns that say nothing.

    """
    _sum_up(before, after, volatile)
    found = Matching(before, after)
    ones, others = _by_operation(before), _by_operation(after)
    for one, other in _paired_operations(before, after, ones, others):
        found.operations[one] = other
        _pair_items(found, ones[one], others[other], _INSIDE)
    left = _left_by_name(found)
    for one, other in found.operations.items():
        _pair_alike(found, ones[one], others[other], left)
    everything = range(len(before.entries)), range(len(after.entries))
    _pair_items(found, *everything, _OVER_ALL)
    loose = [[place for place, entry in enumerate(side.entries) if entry.in_operation is None] for side in (before, after)]
    _pair_alike(found, loose[0], loose[1], _left_by_name(found))
    _pair_alike(found, *_of_other_names(found), _left_by_name(found))
    _pair_above(found)
    _pair_nameless(found)
    _complete_operations(found)
    return found


_KINDS: dict[str, Callable[[Entry], Hashable]] = {
    "content of all above": lambda entry: (entry.place, entry.lineage),
    "path and content": lambda entry: (entry.place, entry.exact),
    "path and stable content": lambda entry: (entry.place, entry.stable),
    "path": lambda entry: entry.place,
    "content": lambda entry: (entry.table, entry.label, entry.exact),
    "stable content": lambda entry: (entry.table, entry.label, entry.stable),
    "name": lambda entry: (entry.table, entry.label),
}
_INSIDE = ("content of all above", "path and content", "path and stable content", "path", "content", "name")
_OVER_ALL = ("content of all above", "path and content", "path and stable content", "content", "stable content", "path", "name")


def _sum_up(before: Side, after: Side, volatile: AbstractSet[Place]) -> None:
    """Write what of each item must be the same for it to be the same item.

    A column whose values differ in more than one item of twenty of a name, before and after, says nothing about which item is which.
    """
    groups: list[dict[tuple[str, str], list[Entry]]] = []
    resources = {entry.key for entry in before.entries} & {entry.key for entry in after.entries}
    for side in (before, after):
        groups.append(defaultdict(list))
        for entry in side.entries:
            groups[-1][entry.table, entry.label].append(entry)
            entry.place = hash((entry.path, entry.key)) if entry.key in resources else entry.path
    ones, others = groups
    for kind, entries in ones.items():
        unstable = _unstable(entries, others.get(kind, []))
        for entry in (*entries, *others.get(kind, [])):
            _write_sums(entry, volatile, unstable)
    for kind, entries in others.items():
        if kind not in ones:
            for entry in entries:
                _write_sums(entry, volatile, frozenset())
    for side in (before, after):
        _write_lineages(side)


def _write_lineages(side: Side) -> None:
    for entry in side.entries:
        entry.lineage = 0
    for entry in side.entries:
        chain = [entry]
        while not chain[-1].lineage and chain[-1].above >= 0 and len(chain) <= len(side.entries):
            chain.append(side.entries[chain[-1].above])
        lineage = chain[-1].lineage
        for below in reversed(chain):
            lineage = below.lineage = below.lineage or hash((lineage, below.table, below.label, below.exact)) or 1


def _unstable(ones: list[Entry], others: list[Entry]) -> set[str]:
    # By identity: forms of items are shared, and the hash of a long tuple is not kept.
    forms = {id(entry.columns): entry.columns for entry in (*ones, *others)}
    places = {key: {column: place for place, column in enumerate(form)} for key, form in forms.items()}
    columns = {column for form in places.values() for column in form}
    found = set()
    for column in columns:
        first, second = (_values(column, side, places) for side in (ones, others))
        shared = sum(min(count, second[value]) for value, count in first.items())
        # A column that items lack counts as one more value.
        shared += min(len(ones) - first.total(), len(others) - second.total())
        if shared < _STABLE * min(len(ones), len(others)):
            found.add(column)
    return found


def _values(column: str, entries: list[Entry], places: dict[int, dict[str, int]]) -> Counter[int]:
    return Counter(entry.hashes[place] for entry in entries if (place := places[id(entry.columns)].get(column)) is not None)


def _write_sums(entry: Entry, volatile: AbstractSet[Place], unstable: AbstractSet[str]) -> None:
    total = loose = 0
    for column, value in zip(entry.columns, entry.hashes, strict=True):
        if volatile and (entry.table, entry.label, column) in volatile:
            continue
        total += value
        if column in unstable:
            loose += value
    entry.exact, entry.stable = total, total - loose


def _by_operation(side: Side) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for place, entry in enumerate(side.entries):
        if (operation := entry.in_operation) is not None:
            found[operation].append(place)
    return found


def _paired_operations(before: Side, after: Side, ones: dict[str, list[int]], others: dict[str, list[int]]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    left, right = dict.fromkeys(ones), dict.fromkeys(others)

    def take(one: str, other: str) -> None:
        pairs.append((one, other))
        del left[one], right[other]

    def take_same(kind: str) -> None:
        waiting: dict[int, list[str]] = defaultdict(list)
        for other in reversed(right):
            waiting[_signature(after, others[other], _KINDS[kind])].append(other)
        for one in list(left):
            if same := waiting.get(_signature(before, ones[one], _KINDS[kind])):
                take(one, same.pop())

    def take_sharing(kind: str, *, rare: bool) -> None:
        rest = {key: ones[key] for key in left}, {key: others[key] for key in right}
        for one, other in _sharing(before, after, *rest, _KINDS[kind], rare=rare):
            if one in left and other in right:
                take(one, other)

    # An id that both sides have is no random one: the caller, or the program, gives it.
    for one in [one for one in left if one in right]:
        take(one, one)
    for kind in ("path and content", "path and stable content"):
        take_same(kind)
    for kind in ("path and content", "path and stable content"):
        take_sharing(kind, rare=True)
    take_same("path")
    for kind in ("path and content", "path and stable content", "path", "content", "stable content"):
        take_sharing(kind, rare=False)
    waiting_roots: dict[Hashable, list[str]] = defaultdict(list)
    for other in reversed(right):
        waiting_roots[_root(after, others[other])].append(other)
    for one in list(left):
        if same := waiting_roots.get(_root(before, ones[one])):
            take(one, same.pop())
    return pairs


def _pair_above(found: Matching) -> None:
    """Pair what items that are the same are below, where it has another name and little of the content: a request that failed, by its exception."""
    for one, other in list(found.pairs.items()):
        above, below = found.before.entries[one].above, found.after.entries[other].above
        if above < 0 or below < 0 or above in found.pairs or below in found.back:
            continue
        if found.before.entries[above].table == found.after.entries[below].table:
            found.add(above, below)


def _signature(side: Side, places: list[int], kind: Callable[[Entry], Hashable]) -> int:
    return hash(tuple(sorted(hash(kind(side.entries[place])) for place in places)))


def _root(side: Side, places: list[int]) -> Hashable:
    first = next((side.entries[place] for place in places if side.entries[place].above < 0), side.entries[places[0]])
    return first.table, first.label


def _sharing(
    before: Side, after: Side, ones: dict[str, list[int]], others: dict[str, list[int]], kind: Callable[[Entry], Hashable], *, rare: bool
) -> list[tuple[str, str]]:
    """Return pairs of operations that share items, those that share the most and the rarest first; then those that come first."""
    where: dict[Hashable, list[str]] = defaultdict(list)
    for other, places in others.items():
        for place in places:
            where[kind(after.entries[place])].append(other)
    votes: list[tuple[float, int, int, str, str]] = []
    rank = {other: number for number, other in enumerate(others)}
    for number, (one, places) in enumerate(ones.items()):
        shared: dict[str, float] = defaultdict(float)
        for place in places:
            candidates = where.get(kind(before.entries[place]), ())
            # What is in many transactions hardly tells one from another; there their order counts, a little.
            voted = candidates if len(candidates) <= _MOST_SIMILAR else () if rare else candidates[number : number + 1] or candidates[-1:]
            for other in voted:
                shared[other] += 1 / len(candidates)
        votes.extend((-score, abs(number - rank[other]), number, one, other) for other, score in shared.items())
    return [(one, other) for *_, one, other in sorted(votes)]


def _pair_items(found: Matching, ones: Iterable[int], others: Iterable[int], kinds: Iterable[str]) -> None:
    left = [place for place in ones if place not in found.pairs]
    right = [place for place in others if place not in found.back]
    for name in kinds:
        if not left or not right:
            return
        kind = _KINDS[name]
        waiting: dict[Hashable, list[int]] = defaultdict(list)
        for place in right:
            waiting[kind(found.after.entries[place])].append(place)
        asking: dict[Hashable, list[int]] = defaultdict(list)
        for place in left:
            asking[kind(found.before.entries[place])].append(place)
        for key, places in asking.items():
            candidates = waiting.get(key)
            if not candidates:
                continue
            if "content" in name or len(places) == len(candidates) == 1 or max(len(places), len(candidates)) > _MOST_SIMILAR:
                for one, other in zip(places, candidates, strict=False):
                    found.add(one, other)
            else:
                _pair_by_content(found, places, candidates, least=0.0)
        left = [place for place in left if place not in found.pairs]
        right = [place for place in right if place not in found.back]


def _of_other_names(found: Matching) -> tuple[list[int], list[int]]:
    """Return the places of items without a counterpart whose names the other side hardly has: names may be random."""
    result = []
    for side, done, other in ((found.before, found.pairs, found.after), (found.after, found.back, found.before)):
        names = Counter((entry.table, entry.label) for entry in other.entries)
        left = (place for place in range(len(side.entries)) if place not in done)
        result.append([place for place in left if names[side.entries[place].table, side.entries[place].label] <= _BY_CHANCE])
    return result[0], result[1]


def _left_by_name(found: Matching) -> tuple[dict[Hashable, list[int]], dict[Hashable, list[int]]]:
    """Return the places of items without a counterpart by table and name, before and after."""
    result: tuple[dict[Hashable, list[int]], dict[Hashable, list[int]]] = defaultdict(list), defaultdict(list)
    for by_name, side, done in ((result[0], found.before, found.pairs), (result[1], found.after, found.back)):
        for place, entry in enumerate(side.entries):
            if place not in done:
                by_name[entry.table, entry.label].append(place)
    return result


def _pair_alike(
    found: Matching, ones: Iterable[int], others: Iterable[int], left: tuple[dict[Hashable, list[int]], dict[Hashable, list[int]]]
) -> None:
    """Pair items with different names that hang in the same place and are otherwise mostly the same.

    Not where an item of the same name that hangs elsewhere is more like it.
    """

    def groups(side: Side, places: Iterable[int], done: dict[int, int]) -> dict[Hashable, list[int]]:
        result: dict[Hashable, list[int]] = defaultdict(list)
        for place in places:
            if place not in done:
                entry = side.entries[place]
                result[entry.table, side.entries[entry.above].path if entry.above >= 0 else 0].append(place)
        return result

    waiting = groups(found.after, others, found.back)
    for key, places in groups(found.before, ones, found.pairs).items():
        candidates = waiting.get(key, [])
        for start in range(0, min(len(places), len(candidates)), _MOST_SIMILAR):
            end = start + _MOST_SIMILAR
            _pair_by_content(found, places[start:end], candidates[start:end], least=_ALIKE, left=left)


def _pair_nameless(found: Matching) -> None:
    """Pair items that had no name with what is left below the same item: they may have got one, and with it most of what they say."""
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    for place, entry in enumerate(found.after.entries):
        if place not in found.back:
            waiting[entry.table, entry.above].append(place)
    asking: dict[Hashable, list[int]] = defaultdict(list)
    for place, entry in enumerate(found.before.entries):
        if place not in found.pairs and not entry.label.strip():
            asking[entry.table, found.pairs.get(entry.above, -2) if entry.above >= 0 else -1].append(place)
    for key, places in asking.items():
        candidates = waiting.get(key, [])
        for start in range(0, min(len(places), len(candidates)), _MOST_SIMILAR):
            end = start + _MOST_SIMILAR
            _pair_by_content(found, places[start:end], candidates[start:end], least=0.0)


def _pair_by_content(
    found: Matching,
    ones: Sequence[int],
    others: Sequence[int],
    least: float,
    left: tuple[dict[Hashable, list[int]], dict[Hashable, list[int]]] | None = None,
) -> None:
    likeness = [
        (-_likeness(found.before.entries[one], found.after.entries[other]), abs(first - second), first, second)
        for first, one in enumerate(ones)
        for second, other in enumerate(others)
    ]
    for negative, _, first, second in sorted(likeness):
        one, other = ones[first], others[second]
        if -negative < least or one in found.pairs or other in found.back:
            continue
        if left is None or not _is_elsewhere(found, one, other, -negative, left):
            found.add(one, other)


def _is_elsewhere(
    found: Matching, one: int, other: int, alike: float, left: tuple[dict[Hashable, list[int]], dict[Hashable, list[int]]]
) -> bool:
    """Return whether one of two items has a namesake on the other side that is more like it than they are like each other."""
    before, after = found.before.entries[one], found.after.entries[other]
    theirs = left[1].get((before.table, before.label), ())[:_MOST_SIMILAR]
    ours = left[0].get((after.table, after.label), ())[:_MOST_SIMILAR]
    return any(place not in found.back and _likeness(before, found.after.entries[place]) > alike for place in theirs) or any(
        place not in found.pairs and _likeness(found.before.entries[place], after) > alike for place in ours
    )


def _likeness(one: Entry, other: Entry) -> float:
    """Return which part of the two items' own columns is the same; those that the whole process shares, or that repeat others, left out."""
    first, second = (
        {
            column: value
            for column, value in zip(entry.columns, entry.hashes, strict=True)
            if column not in _OF_THE_PROCESS and (entry.table, column) not in _REPEATED
        }
        for entry in (one, other)
    )
    names = first.keys() | second.keys()
    return sum(first.get(name) == second.get(name) for name in names) / len(names) if names else 1.0


_OF_THE_PROCESS = {*TAG_COLUMNS, "itemType", "sdkVersion"}
_WHATS = ("Type", "Message", "Assembly", "Method")
_REPEATED = {("exceptions", name) for what in _WHATS for name in (what.lower(), f"outer{what}", f"innermost{what}", "problemId")}
"""Columns that the portal makes of an exception's details."""


def _complete_operations(found: Matching) -> None:
    """Find the counterparts of operations whose items were matched one by one."""
    taken = set(found.operations.values())
    votes: Counter[tuple[str, str]] = Counter()
    for one, other in found.pairs.items():
        before, after = found.before.entries[one].in_operation, found.after.entries[other].in_operation
        if before is not None and after is not None and before not in found.operations and after not in taken:
            votes[before, after] += 1
    for (before, after), _ in votes.most_common():
        if before not in found.operations and after not in taken:
            found.operations[before] = after
            taken.add(after)


def _canonical(value: object) -> str:
    """Return a value as a text that is another one for 1, 1.0, true and "1"."""
    if isinstance(value, str):
        return value
    return f"\0{value!r}" if isinstance(value, (int, float)) else f"\0{json.dumps(value, sort_keys=True, default=str)}"


def shape(text: str) -> str:
    """Return the form of an id: how long hexadecimal parts are, and what stands between them; zeros stay."""
    if not text:
        return ABSENT
    return _WORD.sub(lambda found: found[0] if not found[0].strip("0") else f"<{len(found[0])}>" if ID.fullmatch(found[0]) else "<>", text)
