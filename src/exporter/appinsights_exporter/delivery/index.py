"""What a store knows of the files in its folder, without looking there: as last seen, plus and minus what the store did since."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

from .names import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class Index:
    """Files by name, the oldest first; not safe for several threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, int] = OrderedDict()
        """Name to bytes on disk."""
        self._not_before_s: dict[str, float] = {}
        self.bytes = 0
        """Sum of the files' bytes on disk."""
        self.items = 0
        """Sum of the files' items."""

    def names(self) -> list[str]:
        """Return the names of all files, the oldest first.

        In one call, as no loop over the files themselves would be: a signal handler that stores something may run between two steps of one.
        """
        return list(self._files)

    def oldest(self, count: int) -> list[str]:
        """Return the names of so many files, or of all, the oldest first."""
        while True:
            with contextlib.suppress(RuntimeError):  # a signal handler stored something since `islice` began
                return list(islice(self._files, count))

    def size_bytes(self, name: str) -> int:
        """Return the bytes of a file on disk; 0 for one that is not known."""
        return self._files.get(name, 0)

    def adopt(self, files: Mapping[str, int]) -> None:
        """Know these files, by name and bytes on disk, and no others."""
        self._files = OrderedDict(files)
        self._not_before_s = {name: after_s for name, after_s in self._not_before_s.items() if name in files}
        self.bytes = sum(files.values())
        self.items = sum(map(count_of, files))

    def add(self, name: str, size: int) -> None:
        """Know one more file, the newest."""
        self._files[name] = size
        self.bytes += size
        self.items += count_of(name)

    def forget(self, name: str) -> None:
        """Know a file no longer."""
        size = self._files.pop(name, None)
        self._not_before_s.pop(name, None)
        if size is not None:
            self.bytes -= size
            self.items -= count_of(name)

    def rename(self, old: str, new: str) -> None:
        """Know a file under another name, in its place."""
        if old in self._files:
            self._files = OrderedDict((new if name == old else name, size) for name, size in list(self._files.items()))
            self.items += count_of(new) - count_of(old)

    def rest_until(self, name: str, at_s: float) -> None:
        """Note until when a file is not to be given out, on the monotonic clock, seconds."""
        self._not_before_s[name] = at_s

    def rests(self, name: str, now_s: float) -> bool:
        """Return whether a file is not to be given out yet."""
        return self._not_before_s.get(name, 0.0) > now_s
