"""One kind of spans: those whose attributes have the same names; and the JSON of an item of theirs, to be filled in.

See :mod:`.patterns`. Spans are looked at together, column by column: what all of them have to be is asked once, what is made of each is made
by one call for all.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanContext, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .ended import Ended

MAX_OF_A_GROUP = 128
"""Spans with the same names of attributes that have more different combinations are left to the plain conversion."""

# Stand-ins, which no span has. The characters are for private use.
TRACE_ID, SPAN_ID, PARENT_ID = 0xF8FF5EED5A17C0DE0DDBA11CAB005E01, 0xF8FF5EED5A17C0D2, 0xF8FF5EED5A17C0D3
START_NS, END_NS = 4_102_444_799_987_654_321, 4_170_000_123_456_789_012
PATH = "/\uf8ff"
MARK = "\uf8fe"

_MAX_CHARS_OF_PATH = 512
_ORIGIN = re.compile(r"https?://[^/?#@:%\\\s\uf8ff]+(?::[0-9]+)?")
_URL_KEYS = ("url.full", "http.url")
_PATH_KEYS = ("url.path", "http.target", "http.path")
_NOT_IN_PATHS = ("?", "#", ":", "@", ";", '"', "\\")


class Probe:
    """A span that the plain conversion is asked about."""

    events: tuple[()] = ()
    links: tuple[()] = ()
    context = SpanContext(TRACE_ID, SPAN_ID, is_remote=False)
    start_time = START_NS
    end_time = END_NS

    def __init__(self, ended: Ended, attributes: dict[str, object]) -> None:
        self.resource, self.instrumentation_scope, self.name, _, parent, self.kind, _, _, code, *_ = ended
        self.parent = None if parent is None else SpanContext(TRACE_ID, PARENT_ID, is_remote=False)
        self.status = Status(code)
        self.attributes = attributes


class Pattern:
    """The JSON of an item, to be filled in.

    Args:
        pieces: Its text, and in each second place what is missing.
        columns: By which column of values each of these is filled in.
        free: Attributes that become properties: their columns follow those that all spans have.
        types: Positions of values of the combination that are no text, and their types.
    """

    __slots__ = ("_columns", "_pieces", "free", "types")

    def __init__(self, pieces: list[str], columns: list[int], free: tuple[str, ...], types: tuple[tuple[int, type], ...]) -> None:
        self._pieces = pieces
        self._columns = columns
        self.free = free
        self.types = types

    @property
    def chars(self) -> int:
        """How many characters it has."""
        return sum(map(len, self._pieces))

    def fill(self, columns: Sequence[Sequence[str]]) -> list[str]:
        """Return the items of several spans.

        Args:
            columns: Each has a text for each span.
        """
        width = len(self._pieces)
        # The pieces of all of them in one list, whose places are filled column by column.
        flat = self._pieces * len(columns[0])
        for place, column in zip(range(1, width, 2), self._columns, strict=True):
            flat[place::width] = columns[column]
        pieces = iter(flat)
        return list(map("".join, zip(*[pieces] * width, strict=True)))


class Group:
    """Spans whose attributes have the same names, in the same order.

    Args:
        names: Of the attributes.
        read: Names that the plain conversion reads.
    """

    def __init__(self, names: tuple[str, ...], read: frozenset[str]) -> None:
        urls, paths = ([key for key in keys if key in names and key in read] for keys in (_URL_KEYS, _PATH_KEYS))
        self.url_key: str | None = next(iter(urls or paths), None)
        """Attribute with the URL, or where there is none with its path; None for neither."""
        self._has_origin = bool(urls)
        self.path_keys = tuple(paths)
        self.read = tuple(name for name in names if name in read and name != self.url_key and name not in paths)
        """Attributes that the plain conversion reads, beside those with the path."""
        self.values = _values_of(self.read)
        # Of two URLs one is read, and who knows what becomes of the other.
        self.patterns: dict[object, Pattern | None] | None = {} if len(urls) < 2 else None
        """By combination; None for one that has none. None where it is all left to the plain conversion."""
        self._origins: set[str] = set()

    def origins_and_paths(self, spans: Sequence[Mapping[str, object]]) -> tuple[list[str], list[str | None]]:
        """Return what stands before the paths of the URLs of spans, and these paths; None for a path that cannot be told from the rest.

        Args:
            spans: Their attributes.
        """
        return self._of_usual_urls(spans) or self._of_each_url(spans)

    def _of_usual_urls(self, spans: Sequence[Mapping[str, object]]) -> tuple[list[str], list[str | None]] | None:
        """Return origins and paths where all URLs have both, asked of all at once; that takes a third of the time. None where one has not."""
        urls: Any = [attributes[self.url_key or ""] for attributes in spans]
        if set(map(type, urls)) != {str}:
            return None
        paths: list[str] = urls
        origins = [""] * len(urls)
        if self._has_origin:
            ends = [url.find("/", 8) for url in urls]
            if min(ends) < 0:
                return None
            origins = [url[:end] for url, end in zip(urls, ends, strict=True)]
            paths = [url[end:] for url, end in zip(urls, ends, strict=True)]
            if not self._origins.issuperset(origins):
                return None
        elif not all(url.startswith("/") for url in urls):
            return None
        joined = "".join(paths)
        if any(character in joined for character in _NOT_IN_PATHS) or not joined.isprintable() or max(map(len, paths)) > _MAX_CHARS_OF_PATH:
            return None
        for key in self.path_keys:
            if paths != [attributes[key] for attributes in spans]:
                return None
        return origins, [*paths]

    def _of_each_url(self, spans: Sequence[Mapping[str, object]]) -> tuple[list[str], list[str | None]]:
        found = [self._origin_and_path(attributes) for attributes in spans]
        return [origin for origin, _ in found], [path for _, path in found]

    def _origin_and_path(self, attributes: Mapping[str, object]) -> tuple[str, str | None]:
        """Return what stands before the path of a span's URL, and that path; None where it cannot be told from the rest."""
        url = attributes[self.url_key or ""]
        unknown = "", None
        if type(url) is not str:
            return unknown
        origin, path = "", url
        if self._has_origin:
            # After "https://"; in "http://a" no slash comes earlier either.
            end = url.find("/", 8)
            if end < 0:
                return unknown
            origin, path = url[:end], url[end:]
            if origin not in self._origins:
                if _ORIGIN.fullmatch(origin) is None:
                    return unknown
                if len(self._origins) < MAX_OF_A_GROUP:
                    self._origins.add(origin)
        elif path[:1] != "/":
            return unknown
        # Asked one by one, which is three times as fast as a regular expression. What JSON escapes is not printable, or one of two.
        if "?" in path or "#" in path or ":" in path or "@" in path or ";" in path or '"' in path or "\\" in path:
            return unknown
        if len(path) > _MAX_CHARS_OF_PATH or not path.isprintable():
            return unknown
        for key in self.path_keys:
            if attributes[key] != path:
                return unknown
        return origin, path

    def probe(self, ended: Ended, attributes: Mapping[str, object], origin: str) -> Probe:
        """Return a span with stand-ins for all that differs between spans of one combination."""
        known = {*self.read, self.url_key}
        asked = {name: value if name in known else f"{MARK}{index}{MARK}" for index, (name, value) in enumerate(attributes.items())}
        asked.update(dict.fromkeys(self.path_keys, PATH))
        if self._has_origin and self.url_key is not None:
            asked[self.url_key] = origin + PATH
        return Probe(ended, asked)


def _values_of(keys: tuple[str, ...]) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    """Return a function that returns the values under the keys, as a tuple also where there are fewer than two."""
    if len(keys) > 1:
        return itemgetter(*keys)
    if keys:
        (key,) = keys
        return lambda attributes: (attributes[key],)
    return _nothing


def _nothing(_attributes: object) -> tuple[()]:
    return ()
