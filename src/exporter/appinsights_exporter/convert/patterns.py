"""Items written as JSON in one go, from patterns: the plain conversion is asked once what spans of one kind look like.

A program makes few kinds of spans: which calls, to which hosts, with which statements. What differs from span to span goes into the item as
it is: ids, times, the path of the URL, and the attributes that the conversion does not read, which become properties. So a span is taken
apart into what the conversion reads (its *combination*) and the rest. The first span of a combination is shown to the plain conversion with
stand-ins for the rest; the JSON of the item is cut where the stand-ins are, and that is the pattern. It is filled in for each further span:
no dict is made, none is encoded, and nothing is asked that was answered before. That takes half the time of conversion and encoding.

The plain conversion stays what decides. :meth:`Patterns.json` returns None for all that it has no pattern for, and the caller converts:
spans with events or links, values that are not simple, URLs with a query or a user name, combinations that are always new.

What makes it safe: a combination has the values with their types (``1``, ``1.0`` and ``True`` are equal, and read differently); texts that
could be taken for a stand-in have no pattern; what is filled in is so short that the conversion would not cut it; and nothing but the path
itself may be looked for in the path of a URL.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from opentelemetry.trace import DEFAULT_TRACE_STATE, SpanContext

from . import http, legacy_spans, spans
from .spans import FACADE_KEYS, ITEM_ID, SAMPLE_RATE, SHARED_KEYS, span_id_text, trace_id_text
from .timing import duration, duration_of_microseconds, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from .ended import Ended
    from .head import Item

MAX_OF_A_GROUP = 128
"""Spans with the same names of attributes that have more different combinations are left to the plain conversion."""
MAX_CHARS = 1024 * 1024
"""Most characters of all patterns. When there are more, all are forgotten, and those in use come again."""

_MAX_GROUPS = 256
_MAX_CHARS_OF_COMBINATION = 8192
_MAX_CHARS_WITH_PATH = _MAX_CHARS_OF_PATH = 512
"""So that together they are below each limit of the wire."""
_MAX_CHARS_OF_VALUE = 1024
_MAX_CHARS_OF_ITEM = 16384
"""Takes no more bytes than an item may have, whatever the characters."""

# Stand-ins, which no span has. The characters are for private use.
_TRACE_ID, _SPAN_ID, _PARENT_ID = 0xF8FF5EED5A17C0DE0DDBA11CAB005E01, 0xF8FF5EED5A17C0D2, 0xF8FF5EED5A17C0D3
_START_NS, _END_NS = 4_102_444_799_987_654_321, 4_170_000_123_456_789_012
_PATH = "/\uf8ff"
_MARK = "\uf8fe"

_ORIGIN = re.compile(r"https?://[^/?#@:%\\\s\uf8ff]+(?::[0-9]+)?")
_URL_KEYS = ("url.full", "http.url")
_PATH_KEYS = ("url.path", "http.target", "http.path")
_SIMPLE = frozenset({str, int, bool, float, type(None)})


class Shape(NamedTuple):
    """What has to be known of a plain conversion."""

    convert: Callable[[ReadableSpan, float | None], Sequence[Item]]
    """Is given the span, and the rate at which it was kept as far as the caller knows it."""
    took: Callable[[int, int], str]
    """Returns the duration between two times, nanoseconds."""
    read: frozenset[str]
    """Attributes that it reads. All others it takes as they are."""
    sought: tuple[str, ...]
    """Attributes of which it looks for the value in the URL; they become properties where it is not there."""
    shown: Callable[[object], str | None]
    """Returns the JSON of a property for a value that is no text; None where the conversion is to be asked."""
    reads_trace_state: bool


class _Probe:
    """A span that the plain conversion is asked about."""

    events: tuple[()] = ()
    links: tuple[()] = ()
    context = SpanContext(_TRACE_ID, _SPAN_ID, is_remote=False)
    start_time = _START_NS
    end_time = _END_NS

    def __init__(self, ended: Ended, attributes: dict[str, object]) -> None:
        self.resource, self.instrumentation_scope, self.name, _, parent, self.kind, _, _, self.status, *_ = ended
        self.parent = None if parent is None else SpanContext(_TRACE_ID, _PARENT_ID, is_remote=False)
        self.attributes = attributes


class _Pattern(NamedTuple):
    """The JSON of an item, to be filled in."""

    pieces: list[str]
    """Its text, and in each second place what is missing; to be copied."""
    pick: Callable[[list[str]], tuple[str, ...]]
    """Returns what is missing, in order: of ids, times and path, and of the values of `free`."""
    free: tuple[str, ...]
    """Attributes that become properties."""
    types: tuple[tuple[int, type], ...]
    """Positions of values of the combination that are no text, and their types."""


class _Group:
    """Spans whose attributes have the same names, in the same order."""

    def __init__(self, names: tuple[str, ...], read: frozenset[str]) -> None:
        urls, paths = ([key for key in keys if key in names and key in read] for keys in (_URL_KEYS, _PATH_KEYS))
        self.url_key: str | None = next(iter(urls or paths), None)
        """Attribute with the URL, or where there is none with its path; None for neither."""
        self.has_origin = bool(urls)
        self.path_keys = tuple(paths)
        self.read = tuple(name for name in names if name in read and name != self.url_key and name not in paths)
        """Attributes that the plain conversion reads, beside those with the path."""
        self.values = _values_of(self.read)
        # Of two URLs one is read, and who knows what becomes of the other.
        self.patterns: dict[object, _Pattern | None] | None = {} if len(urls) < 2 else None
        """By combination; None for one that has none. None where it is all left to the plain conversion."""
        self._origins: set[str] = set()

    def origin_and_path(self, attributes: Mapping[str, object]) -> tuple[str, str] | None:
        """Return what stands before the path of the span's URL, and that path; None where it cannot be told from the rest."""
        url = attributes[self.url_key or ""]
        if type(url) is not str:
            return None
        origin, path = "", url
        if self.has_origin:
            # After "https://"; in "http://a" no slash comes earlier either.
            end = url.find("/", 8)
            if end < 0:
                return None
            origin, path = url[:end], url[end:]
            if origin not in self._origins:
                if _ORIGIN.fullmatch(origin) is None:
                    return None
                if len(self._origins) < MAX_OF_A_GROUP:
                    self._origins.add(origin)
        elif path[:1] != "/":
            return None
        # Asked one by one, which is three times as fast as a regular expression. What JSON escapes is not printable, or one of two.
        if "?" in path or "#" in path or ":" in path or "@" in path or ";" in path or '"' in path or "\\" in path:
            return None
        if len(path) > _MAX_CHARS_OF_PATH or not path.isprintable():
            return None
        for key in self.path_keys:
            if attributes[key] != path:
                return None
        return origin, path

    def probe(self, ended: Ended, attributes: dict[str, object], origin: str) -> _Probe:
        """Return a span with stand-ins for all that differs between spans of one combination."""
        known = {*self.read, self.url_key}
        asked = {name: value if name in known else f"{_MARK}{index}{_MARK}" for index, (name, value) in enumerate(attributes.items())}
        asked.update(dict.fromkeys(self.path_keys, _PATH))
        if self.has_origin and self.url_key is not None:
            asked[self.url_key] = origin + _PATH
        return _Probe(ended, asked)


class Patterns:
    """The patterns of the spans of one resource, in one shape.

    Args:
        shape: Of the items.
        tags: Of the resource.
    """

    def __init__(self, shape: Shape, tags: Mapping[str, str]) -> None:
        self._shape = shape
        # Looked up here and not for each span.
        self._took, self._shown, self._reads_trace_state = shape.took, shape.shown, shape.reads_trace_state
        self._hole = _hole_of(shape)
        self._can_be_used = not self._could_be_a_stand_in(_text(tags))
        self._forget()

    def json(self, ended: Ended, rate: float | None = None) -> str | None:
        """Return the item of a span as JSON; None where it has to be converted.

        Args:
            ended: What :func:`.ended.read` returns of the span.
            rate: At which it was kept, percent, as far as the caller knows it; see :attr:`Shape.convert`.
        """
        _, _, name, context, parent, kind, start_ns, end_ns, status, attributes, events, links = ended
        if context is None or start_ns is None or end_ns is None or status.description or events or links:
            return None
        if self._reads_trace_state and context.trace_state is not DEFAULT_TRACE_STATE:
            return None
        try:
            attributes = attributes.copy()
        except AttributeError:
            return None
        names = tuple(attributes)
        group = self._groups.get(names) or self._new_group(names)
        patterns = group.patterns
        if patterns is None:
            return None
        origin = path = ""
        if group.url_key is not None:
            found = group.origin_and_path(attributes)
            if found is None:
                return None
            origin, path = found
        values = group.values(attributes)
        # By identity: hashing an enumeration's member is slow.
        combination = (id(kind), id(status.status_code), name, parent is None, rate, origin, values)
        try:
            pattern = patterns[combination]
        except KeyError:
            pattern = self._ask(group, patterns, combination, group.probe(ended, attributes, origin))
        except TypeError:
            # A value that has no hash.
            return None
        if pattern is None:
            return None
        for position, type_ in pattern.types:
            if type(values[position]) is not type_:
                return None
        missing = [
            trace_id_text(context.trace_id),
            context.span_id.to_bytes(8, "big").hex(),
            "" if parent is None else span_id_text(parent.span_id),
            timestamp(start_ns),
            self._took(start_ns, end_ns),
            path,
        ]
        for key in pattern.free:
            value = attributes[key]
            if type(value) is str:
                if len(value) > _MAX_CHARS_OF_VALUE:
                    return None
                missing.append(encode_basestring(value))
            else:
                shown = self._shown(value)
                if shown is None:
                    return None
                missing.append(shown)
        pieces = pattern.pieces.copy()
        # By a slice and join, which takes half the time of formatting.
        pieces[1::2] = pattern.pick(missing)
        text = "".join(pieces)
        return text if len(text) <= _MAX_CHARS_OF_ITEM else None

    def _could_be_a_stand_in(self, text: str) -> bool:
        """Return whether a stand-in is in a text, or what a stand-in begins with, which could become one in the item."""
        return _MARK in text or _PATH[1:] in text or self._hole.search(text) is not None

    def _forget(self) -> None:
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._chars = 0

    def _new_group(self, names: tuple[str, ...]) -> _Group:
        if len(self._groups) >= _MAX_GROUPS:
            self._forget()
        group = self._groups[names] = _Group(names, self._shape.read)
        if not self._can_be_used:
            group.patterns = None
        return group

    def _ask(
        self,
        group: _Group,
        patterns: dict[object, _Pattern | None],
        combination: tuple[int, int, str, bool, float | None, str, tuple[object, ...]],
        probe: _Probe,
    ) -> _Pattern | None:
        """Ask the plain conversion, and remember the pattern, or that there is none."""
        if len(patterns) >= MAX_OF_A_GROUP:
            group.patterns = None
            return None
        rate, origin, values = combination[4:]
        said = [probe.name, origin, *(value for value in values if type(value) is str)]
        chars = sum(map(len, said))
        if chars > (_MAX_CHARS_OF_COMBINATION if group.url_key is None else _MAX_CHARS_WITH_PATH) or not all(map(_is_simple, values)):
            return None
        try:
            pattern = self._pattern(group, probe, said, rate, values)
        except Exception:  # noqa: BLE001 - texts that are no Unicode, and whatever a conversion finds wrong: it will say so of the span itself.
            pattern = None
        patterns[combination] = pattern
        self._chars += chars + (0 if pattern is None else sum(map(len, pattern.pieces)))
        if self._chars > MAX_CHARS:
            self._forget()
        return pattern

    def _pattern(self, group: _Group, probe: _Probe, said: list[str], rate: float | None, values: tuple[object, ...]) -> _Pattern | None:
        made: Any = self._shape.convert(probe, rate)  # type: ignore[arg-type]  # it has all that a conversion reads
        if len(made) != 1 or self._could_be_a_stand_in(_text([said, list(probe.attributes)])):
            return None
        shown = made[0]["data"]["baseData"].get("properties", {})
        if group.url_key is not None and any(key in shown for key in probe.attributes if key in self._shape.sought):
            # It was not found in the stand-in; it could be in another path.
            return None
        pieces: list[str] = []
        order: list[int] = []
        free: list[str] = []
        names = list(probe.attributes)
        end = 0
        whole = _text(made[0])
        for found in self._hole.finditer(whole):
            pieces += (whole[end : found.start()], "")
            end = found.end()
            if found.lastgroup is None:
                order.append(_FIRST_FREE + len(free))
                free.append(names[int(found[1])])
            else:
                order.append(_HOLES.index(found.lastgroup))
        pieces.append(whole[end:])
        types = tuple((position, type(value)) for position, value in enumerate(values) if type(value) is not str)
        return _Pattern(pieces, itemgetter(*order), tuple(free), types)


_HOLES = ("trace", "span", "parent", "time", "took", "path")
"""What is filled in, in the order in which it is given to :attr:`_Pattern.pick`; values of attributes follow."""
_FIRST_FREE = len(_HOLES)


def _hole_of(shape: Shape) -> re.Pattern[str]:
    """Return what finds stand-ins in the JSON of an item."""
    stand_ins = (
        trace_id_text(_TRACE_ID),
        span_id_text(_SPAN_ID),
        span_id_text(_PARENT_ID),
        timestamp(_START_NS),
        shape.took(_START_NS, _END_NS),
        _PATH,
    )
    named = "|".join(f"(?P<{name}>{re.escape(text)})" for name, text in zip(_HOLES, stand_ins, strict=True))
    return re.compile(f'"{_MARK}([0-9]+){_MARK}"|{named}')


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _is_simple(value: object) -> bool:
    """Return whether all equal values of its type have the same text. 0.0 and -0.0 are equal; NaN is equal to nothing."""
    return type(value) in _SIMPLE and (type(value) is not float or (value != 0 and isfinite(value)))


def _values_of(keys: tuple[str, ...]) -> Callable[[dict[str, object]], tuple[object, ...]]:
    """Return a function that returns the values under the keys, as a tuple also where there are fewer than two."""
    if len(keys) > 1:
        return itemgetter(*keys)
    if keys:
        (key,) = keys
        return lambda attributes: (attributes[key],)
    return _nothing


def _nothing(_attributes: object) -> tuple[()]:
    return ()


def of_spans(instrumentation_key: str, url_query: str, facade: bool, tags: Mapping[str, str]) -> Patterns:
    """Return the patterns of what :func:`.spans.envelopes` makes."""

    def convert(span: ReadableSpan, rate: float | None) -> Sequence[Item]:
        return spans.envelopes(span, instrumentation_key, tags, url_query, facade, rate)

    return Patterns(Shape(convert, duration, READ, http.SOUGHT_PARTS, _as_text, not facade), tags)


def of_legacy_spans(instrumentation_key: str, tags: Mapping[str, str]) -> Patterns:
    """Return the patterns of what :func:`.legacy_spans.envelopes` makes."""

    def convert(span: ReadableSpan, rate: float | None) -> Sequence[Item]:
        return legacy_spans.envelopes(span, instrumentation_key, tags)

    return Patterns(Shape(convert, duration_of_microseconds, LEGACY_READ, (), _as_json, False), tags)


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
