"""Items written as JSON in one go, from patterns: the plain conversion is asked once what spans of one kind look like.

A program makes few kinds of spans: which calls, to which hosts, with which statements. What differs from span to span goes into the item as
it is: ids, times, the path of the URL, and the attributes that the conversion does not read, which become properties. So a span is taken
apart into what the conversion reads (its *combination*) and the rest. The first span of a combination is shown to the plain conversion with
stand-ins for the rest; the JSON of the item is cut where the stand-ins are, and that is the pattern. It is filled in for each further span:
no dict is made, none is encoded, and nothing is asked that was answered before. That takes half the time of conversion and encoding.

Spans are written many at a time: those of one *group* (whose attributes have the same names) are looked at together, as columns of a table.
One call makes the texts of all their ids, one their times, and one list holds the pieces of all their items. Span by span the same took twice
the time.

The plain conversion stays what decides. :meth:`Patterns.texts` returns None for each span that it has no pattern for, and the caller
converts: spans with events or links, values that are not simple, URLs with a query or a user name, combinations that are always new.

What makes it safe: a combination has the values with their types (``1``, ``1.0`` and ``True`` are equal, and read differently); texts that
could be taken for a stand-in have no pattern; what is filled in is so short that the conversion would not cut it; and nothing but the path
itself may be looked for in the path of a URL.
"""

from __future__ import annotations

import re
import struct
from itertools import repeat
from json.encoder import encode_basestring
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from opentelemetry.trace import DEFAULT_TRACE_STATE

from . import ended, http, legacy_spans, spans
from .pattern_group import END_NS, MARK, MAX_OF_A_GROUP, PARENT_ID, PATH, SPAN_ID, START_NS, TRACE_ID, Group, Pattern
from .spans import FACADE_KEYS, ITEM_ID, SAMPLE_RATE, SHARED_KEYS
from .timing import durations, durations_of_microseconds, timestamps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from .ended import Ended
    from .head import Item
    from .pattern_group import Probe

MAX_CHARS = 1024 * 1024
"""Most characters of all patterns. When there are more, all are forgotten, and those in use come again."""

_MAX_GROUPS = 256
_MAX_CHARS_OF_COMBINATION = 8192
_MAX_CHARS_WITH_PATH = 512
"""So that it is, with a path, below each limit of the wire."""
_MAX_CHARS_OF_VALUE = 1024
_MAX_CHARS_OF_ITEM = 16384
"""Takes no more bytes than an item may have, whatever the characters."""

_SIMPLE = frozenset({str, int, bool, float, type(None)})


class Shape(NamedTuple):
    """What has to be known of a plain conversion."""

    convert: Callable[[ReadableSpan, float | None], Sequence[Item]]
    """Is given the span, and the rate at which it was kept as far as the caller knows it."""
    took: Callable[[Sequence[int], Sequence[int]], list[str]]
    """Returns the durations between times, nanoseconds."""
    read: frozenset[str]
    """Attributes that it reads. All others it takes as they are."""
    sought: tuple[str, ...]
    """Attributes of which it looks for the value in the URL; they become properties where it is not there."""
    shown: Callable[[object], str | None]
    """Returns the JSON of a property for a value that is no text; None where the conversion is to be asked."""
    reads_trace_state: bool


class Patterns:
    """The patterns of the spans of one resource, in one shape.

    Args:
        shape: Of the items.
        tags: Of the resource.
    """

    def __init__(self, shape: Shape, tags: Mapping[str, str]) -> None:
        self._shape = shape
        self._hole = _hole_of(shape)
        self._can_be_used = not self._could_be_a_stand_in(_text(tags))
        self._forget()

    def texts(self, rows: Sequence[Ended], rates: Sequence[float | None] | None = None) -> list[str | None]:
        """Return the items of spans as JSON; None for each span that has to be converted.

        Args:
            rows: What :func:`.ended.rows` returns of the spans.
            rates: At which they were kept, percent, as far as the caller knows it; see :attr:`Shape.convert`.
        """
        made: list[str | None] = [None] * len(rows)
        by_names: dict[tuple[str, ...], list[int]] = {}
        reads_trace_state = self._shape.reads_trace_state
        for index, (_, _, _, context, _, _, start_ns, end_ns, _, description, attributes, events, links) in enumerate(rows):
            if context is None or start_ns is None or end_ns is None or description or events or links:
                continue
            if reads_trace_state and context.trace_state is not DEFAULT_TRACE_STATE:
                continue
            names = tuple(attributes)
            try:
                by_names[names].append(index)
            except KeyError:
                by_names[names] = [index]
        for names, indexes in by_names.items():
            group = self._groups.get(names) or self._new_group(names)
            if group.patterns is None:
                continue
            own_rates = [None if rates is None else rates[index] for index in indexes]
            for index, text in zip(indexes, self._of_group(group, [rows[index] for index in indexes], own_rates), strict=True):
                made[index] = text
        return made

    def _of_group(self, group: Group, rows: list[Ended], rates: list[float | None]) -> list[str | None]:
        """Return the items of spans of one group."""
        _, _, names, contexts, parents, kinds, starts_ns, ends_ns, codes, _, attributes, _, _ = zip(*rows, strict=True)
        number = len(rows)
        origins, paths = [""] * number, [""] * number  # type: tuple[list[str], list[str | None]]
        if group.url_key is not None:
            origins, paths = group.origins_and_paths(attributes)
        values = list(map(group.values, attributes))
        are_roots = [parent is None for parent in parents]
        # By identity: hashing an enumeration's member is slow.
        combinations = list(zip(map(id, kinds), map(id, codes), names, are_roots, rates, origins, values, strict=True))
        patterns = self._found(group, combinations, rows, paths)
        trace_ids, span_ids, _ = ended.ids(contexts)
        table = _Table(
            (
                b"".join([trace_id.to_bytes(16, "big") for trace_id in trace_ids]).hex(",", 16).split(","),
                _span_id_texts(span_ids),
                _span_id_texts([0 if parent is None else parent.span_id for parent in parents]),
                timestamps(starts_ns),
                self._shape.took(starts_ns, ends_ns),
                paths,
            ),
            attributes,
            values,
        )
        first = patterns[0]
        if first is not None and patterns.count(first) == number:
            return self._filled(first, table)
        made: list[str | None] = [None] * number
        by_pattern: dict[int, list[int]] = {}
        for index, pattern in enumerate(patterns):
            if pattern is not None:
                by_pattern.setdefault(id(pattern), []).append(index)
        for indexes in by_pattern.values():
            alike: Any = patterns[indexes[0]]
            for index, text in zip(indexes, self._filled(alike, table.of(indexes)), strict=True):
                made[index] = text
        return made

    def _found(
        self,
        group: Group,
        combinations: Sequence[tuple[int, int, str, bool, float | None, str, tuple[object, ...]]],
        rows: Sequence[Ended],
        paths: Sequence[str | None],
    ) -> list[Pattern | None]:
        """Return the patterns of spans of one group; None for each span that has none."""
        known = group.patterns or {}
        found: list[Any] = list(map(known.get, combinations, repeat(_UNKNOWN)))
        if _UNKNOWN in found or None in paths:
            for index, combination in enumerate(combinations):
                if paths[index] is None:
                    found[index] = None
                elif found[index] is _UNKNOWN:
                    found[index] = known[combination] if combination in known else self._ask(group, combination, rows[index])
        return found

    def _filled(self, pattern: Pattern, table: _Table) -> list[str | None]:
        """Return the items of spans of one pattern; None for each of which a value cannot be filled in."""
        left_out: set[int] = set()
        for position, kind in pattern.types:
            values = [each[position] for each in table.values]
            if set(map(type, values)) != {kind}:
                left_out.update(index for index, value in enumerate(values) if type(value) is not kind)
        columns: list[Any] = [*table.columns]
        for key in pattern.free:
            column = self._shown([attributes[key] for attributes in table.attributes])
            if None in column:
                left_out.update(index for index, text in enumerate(column) if text is None)
                column = [text or "" for text in column]
            columns.append(column)
        texts: list[str | None] = [*pattern.fill(columns)]
        if left_out or max(map(len, texts)) > _MAX_CHARS_OF_ITEM:  # type: ignore[arg-type]  # none is missing yet
            for index, text in enumerate(texts):
                if index in left_out or len(text or "") > _MAX_CHARS_OF_ITEM:
                    texts[index] = None
        return texts

    def _shown(self, values: list[Any]) -> Sequence[str | None]:
        """Return the JSON of the values of a property; None for each that the conversion is to be asked about."""
        if set(map(type, values)) == {str} and max(map(len, values)) <= _MAX_CHARS_OF_VALUE:
            return list(map(encode_basestring, values))
        shown = self._shape.shown
        return [
            (encode_basestring(value) if len(value) <= _MAX_CHARS_OF_VALUE else None) if type(value) is str else shown(value)
            for value in values
        ]

    def _could_be_a_stand_in(self, text: str) -> bool:
        """Return whether a stand-in is in a text, or what a stand-in begins with, which could become one in the item."""
        return MARK in text or PATH[1:] in text or self._hole.search(text) is not None

    def _forget(self) -> None:
        self._groups: dict[tuple[str, ...], Group] = {}
        self._chars = 0

    def _new_group(self, names: tuple[str, ...]) -> Group:
        if len(self._groups) >= _MAX_GROUPS:
            self._forget()
        group = self._groups[names] = Group(names, self._shape.read)
        if not self._can_be_used:
            group.patterns = None
        return group

    def _ask(
        self,
        group: Group,
        combination: tuple[int, int, str, bool, float | None, str, tuple[object, ...]],
        row: Ended,
    ) -> Pattern | None:
        """Ask the plain conversion, and remember the pattern, or that there is none."""
        patterns = group.patterns
        if patterns is None or len(patterns) >= MAX_OF_A_GROUP:
            group.patterns = None
            return None
        name, rate, origin, values = combination[2], *combination[4:]
        said = [name, origin, *(value for value in values if type(value) is str)]
        chars = sum(map(len, said))
        if chars > (_MAX_CHARS_OF_COMBINATION if group.url_key is None else _MAX_CHARS_WITH_PATH) or not all(map(_is_simple, values)):
            return None
        try:
            pattern = self._pattern(group, group.probe(row, row[_ATTRIBUTES], origin), said, rate, values)
        except Exception:  # noqa: BLE001 - texts that are no Unicode, and whatever a conversion finds wrong: it will say so of the span itself.
            pattern = None
        patterns[combination] = pattern
        self._chars += chars + (0 if pattern is None else pattern.chars)
        if self._chars > MAX_CHARS:
            self._forget()
        return pattern

    def _pattern(self, group: Group, probe: Probe, said: list[str], rate: float | None, values: tuple[object, ...]) -> Pattern | None:
        made: Any = self._shape.convert(probe, rate)  # type: ignore[arg-type]  # it has all that a conversion reads
        if len(made) != 1 or self._could_be_a_stand_in(_text([said, list(probe.attributes)])):
            return None
        shown = made[0]["data"]["baseData"].get("properties", {})
        if group.url_key is not None and any(key in shown for key in probe.attributes if key in self._shape.sought):
            # It was not found in the stand-in; it could be in another path.
            return None
        pieces: list[str] = []
        columns: list[int] = []
        free: list[str] = []
        names = list(probe.attributes)
        end = 0
        whole = _text(made[0])
        for found in self._hole.finditer(whole):
            pieces += (whole[end : found.start()], "")
            end = found.end()
            if found.lastgroup is None:
                columns.append(_FIRST_FREE + len(free))
                free.append(names[int(found[1])])
            else:
                columns.append(_HOLES.index(found.lastgroup))
        pieces.append(whole[end:])
        types = tuple((position, type(value)) for position, value in enumerate(values) if type(value) is not str)
        return Pattern(pieces, columns, tuple(free), types)


class _Table:
    """What differs between spans of one group: in each column a value for each span.

    Args:
        columns: Ids, times and path, in the order of `_HOLES`.
        attributes: All of each span.
        values: Of the attributes that the conversion reads.
    """

    __slots__ = ("attributes", "columns", "values")

    def __init__(
        self,
        columns: tuple[Sequence[str | None], ...],
        attributes: Sequence[Mapping[str, object]],
        values: Sequence[tuple[object, ...]],
    ) -> None:
        self.columns, self.attributes, self.values = columns, attributes, values

    def of(self, indexes: Sequence[int]) -> _Table:
        """Return the same of some of the spans."""
        columns = tuple([column[index] for index in indexes] for column in self.columns)
        return _Table(columns, [self.attributes[index] for index in indexes], [self.values[index] for index in indexes])


_UNKNOWN = object()
_HOLES = ("trace", "span", "parent", "time", "took", "path")
"""What is filled in, in the order of the columns; values of attributes follow."""
_FIRST_FREE = len(_HOLES)
_ATTRIBUTES = ended.FIELDS.index("attributes")


def _hole_of(shape: Shape) -> re.Pattern[str]:
    """Return what finds stand-ins in the JSON of an item."""
    stand_ins = (
        f"{TRACE_ID:032x}",
        f"{SPAN_ID:016x}",
        f"{PARENT_ID:016x}",
        *timestamps([START_NS]),
        *shape.took([START_NS], [END_NS]),
        PATH,
    )
    named = "|".join(f"(?P<{name}>{re.escape(text)})" for name, text in zip(_HOLES, stand_ins, strict=True))
    return re.compile(f'"{MARK}([0-9]+){MARK}"|{named}')


def _span_id_texts(span_ids: Sequence[int]) -> list[str]:
    """Return the ids as 16 lower-case hex digits each."""
    return struct.pack(f">{len(span_ids)}Q", *span_ids).hex(",", 8).split(",")


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _is_simple(value: object) -> bool:
    """Return whether all equal values of its type have the same text. 0.0 and -0.0 are equal; NaN is equal to nothing."""
    return type(value) in _SIMPLE and (type(value) is not float or (value != 0 and isfinite(value)))


def of_spans(instrumentation_key: str, url_query: str, facade: bool, tags: Mapping[str, str]) -> Patterns:
    """Return the patterns of what :func:`.spans.envelopes` makes."""

    def convert(span: ReadableSpan, rate: float | None) -> Sequence[Item]:
        return spans.envelopes(span, instrumentation_key, tags, url_query, facade, rate)

    return Patterns(Shape(convert, durations, READ, http.SOUGHT_PARTS, _as_text, not facade), tags)


def of_legacy_spans(instrumentation_key: str, tags: Mapping[str, str]) -> Patterns:
    """Return the patterns of what :func:`.legacy_spans.envelopes` makes."""

    def convert(span: ReadableSpan, rate: float | None) -> Sequence[Item]:
        return legacy_spans.envelopes(span, instrumentation_key, tags)

    return Patterns(Shape(convert, durations_of_microseconds, LEGACY_READ, (), _as_json, False), tags)


def _as_text(value: object) -> str | None:
    """Return the JSON of a property of OpenTelemetry's shape, in which all properties are texts."""
    kind = type(value)
    if kind is bool:
        return '"True"' if value else '"False"'
    return f'"{value}"' if kind is int and -_MOST <= value <= _MOST else None  # type: ignore[operator]  # it is an int


def _as_json(value: object) -> str | None:
    """Return the JSON of a property of the retired exporter's shape, in which numbers are numbers."""
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    return f"{value}" if kind is int and -_MOST <= value <= _MOST else None  # type: ignore[operator]  # it is an int


_MOST = 2**63 - 1

READ = (
    FACADE_KEYS
    | SHARED_KEYS
    | {
        ITEM_ID,
        SAMPLE_RATE,
        "ai.operation.name",
        "az.namespace",
        "client.address",
        "db.name",
        "db.namespace",
        "db.operation",
        "db.operation.name",
        "db.query.text",
        "db.statement",
        "db.system",
        "db.system.name",
        "enduser.id",
        "enduser.pseudo.id",
        "gen_ai.provider.name",
        "gen_ai.system",
        "http.client_ip",
        "http.host",
        "http.method",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "http.scheme",
        "http.server_name",
        "http.status_code",
        "http.target",
        "http.url",
        "http.user_agent",
        "message_bus.destination",
        "messaging.destination",
        "messaging.destination.name",
        "messaging.source.name",
        "messaging.system",
        "net.host.name",
        "net.host.port",
        "net.peer.ip",
        "net.peer.name",
        "net.peer.port",
        "net.sock.peer.addr",
        "net.sock.peer.port",
        "network.peer.address",
        "network.peer.port",
        "peer.address",
        "peer.service",
        "rpc.grpc.status_code",
        "rpc.method",
        "rpc.response.status_code",
        "rpc.service",
        "rpc.system",
        "rpc.system.name",
        "server.address",
        "server.port",
        "session.id",
        "url.full",
        "url.path",
        "url.query",
        "url.scheme",
        "user_agent.original",
        "user_agent.synthetic.type",
    }
)
"""Attributes that the conversion into OpenTelemetry's shape reads. A test finds one that is missing here."""
LEGACY_READ = FACADE_KEYS | {
    SAMPLE_RATE,
    "ai.operation.name",
    "component",
    "error.message",
    "error.name",
    "http.method",
    "http.path",
    "http.route",
    "http.status_code",
    "http.url",
    "stacktrace",
}
"""Attributes that the conversion into the retired exporter's shape reads. A test finds one that is missing here."""
