"""The containers of OpenCensus's spans: of a bounded size, counting what they drop."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any


class BoundedList(Sequence[Any]):
    """A list that only grows, up to a size; then each new item pushes out the oldest, which is counted in `dropped`."""

    # Three for each span that is exported as SpanData, which are nearly always empty: what the items need is made for the first of them.
    # To make it at once is 5 percent of such a span, and two more objects each for the garbage collector.
    dropped = 0
    _items: deque[Any] | None = None
    _lock: Any = None

    def __init__(self, maxlen: int) -> None:
        self._maxlen = maxlen

    @property
    def _dq(self) -> deque[Any]:
        items = self._items
        if items is None:
            # Each in one atomic step: another thread may be at it, too.
            self.__dict__.setdefault("_lock", threading.Lock())
            items = self.__dict__.setdefault("_items", deque(maxlen=self._maxlen))
        return items

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)}, maxlen={self._maxlen})"

    def __getitem__(self, index: Any) -> Any:
        return self._dq[index]

    def __len__(self) -> int:
        return 0 if self._items is None else len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items or ())

    def append(self, item: Any) -> None:
        """Add one item."""
        items = self._dq
        with self._lock:
            if len(items) == self._maxlen:
                self.dropped += 1
            items.append(item)

    def extend(self, seq: Sequence[Any]) -> None:
        """Add several items."""
        items = self._dq
        with self._lock:
            self.dropped += max(0, len(seq) + len(items) - self._maxlen)
            items.extend(seq)

    @classmethod
    def from_seq(cls, maxlen: int, seq: Iterable[Any]) -> BoundedList:
        """Return a list with the given items.

        Raises:
            ValueError: There are more than `maxlen`.
        """
        items = tuple(seq)
        if len(items) > maxlen:
            raise ValueError(f"expected at most {maxlen} items, got {len(items)}")
        bounded = cls(maxlen)
        bounded._dq.extend(items)
        return bounded


class BoundedDict(MutableMapping[Any, Any]):
    """A dict of at most `maxlen` keys; a further one pushes out the key set longest ago, which is counted in `dropped`."""

    # One lock for all: it is held only while a full dict evicts, and a lock each would be half of the cost of making one.
    _lock = threading.Lock()

    def __init__(self, maxlen: int) -> None:
        self.maxlen = maxlen
        self.dropped = 0
        self._dict: dict[Any, Any] = {}

    @classmethod
    def _over(cls, values: dict[Any, Any], maxlen: int) -> BoundedDict:
        """Return a dict that keeps its items in another one."""
        bounded = cls(maxlen)
        bounded._dict = values
        return bounded

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._dict}, maxlen={self.maxlen})"

    def __getitem__(self, key: Any) -> Any:
        return self._dict[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        values = self._dict
        if key not in values and len(values) < self.maxlen:
            values[key] = value
            return
        with self._lock:
            if key in values:
                del values[key]
            elif len(values) >= self.maxlen:
                del values[next(iter(values))]
                self.dropped += 1
            values[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._dict[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._dict)

    def __len__(self) -> int:
        return len(self._dict)

    @classmethod
    def from_map(cls, maxlen: int, mapping: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> BoundedDict:
        """Return a dict with the given items.

        Raises:
            ValueError: There are more than `maxlen`.
        """
        values = dict(mapping)
        if len(values) > maxlen:
            raise ValueError(f"expected at most {maxlen} items, got {len(values)}")
        return cls._over(values, maxlen)
