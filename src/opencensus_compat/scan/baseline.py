"""The uses that a code base is known to have: a file with their numbers, which only fall."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opencensus_compat.scan.findings import Use

_VERSION = 1


class BaselineError(Exception):
    """A file that is no baseline; the message names it and says what to do."""


class Baseline:
    """Numbers of uses by file, rule and symbol. Lines do not count: code that moves inside its file has no new use."""

    def __init__(self, path: str, counts: Mapping[tuple[str, str], int] | None = None) -> None:
        """Make a baseline.

        Args:
            path: Its file; paths of uses are relative to the folder of it.
            counts: Numbers by path and by rule with symbol.
        """
        self._file = path
        self._folder = os.path.dirname(os.path.abspath(path))
        self.counts = dict(counts or {})

    def key(self, use: Use) -> tuple[str, str]:
        """Return what a use counts as."""
        return os.path.relpath(use.path, self._folder).replace(os.sep, "/"), f"{use.rule_id} {use.symbol}"

    def new(self, uses: Iterable[Use]) -> list[bool]:
        """Return for each use whether it is one more than the baseline has."""
        seen: Counter[tuple[str, str]] = Counter()
        found = []
        for use in uses:
            key = self.key(use)
            seen[key] += 1
            found.append(seen[key] > self.counts.get(key, 0))
        return found

    def gone(self, uses: Iterable[Use], paths: Sequence[str]) -> int:
        """Return how many uses of the baseline are no longer there, below the paths that were scanned."""
        now = Counter(map(self.key, uses))
        return sum(max(0, count - now[key]) for key, count in self.counts.items() if self._is_below(key[0], paths))

    def fallen(self, uses: Iterable[Use], paths: Sequence[str]) -> Baseline:
        """Return the baseline without the uses that are gone, and without any that is new."""
        now = Counter(map(self.key, uses))
        counts = {key: min(count, now[key]) if self._is_below(key[0], paths) else count for key, count in self.counts.items()}
        return Baseline(self._file, counts)

    def first(self, uses: Iterable[Use]) -> Baseline:
        """Return a baseline of all uses."""
        return Baseline(self._file, Counter(map(self.key, uses)))

    def _is_below(self, path: str, paths: Sequence[str]) -> bool:
        own = os.path.join(self._folder, *path.split("/"))
        return any(
            os.path.abspath(own) == (top := os.path.abspath(each)) or os.path.abspath(own).startswith(top.rstrip(os.sep) + os.sep)
            for each in paths
        )

    def as_text(self) -> str:
        """Return the content of the file."""
        by_file: dict[str, dict[str, int]] = defaultdict(dict)
        for (path, kind), count in sorted(self.counts.items()):
            if count:
                by_file[path][kind] = count
        return json.dumps({"version": _VERSION, "uses": by_file}, indent=1) + "\n"


def read(path: str) -> Baseline:
    """Return the baseline in a file.

    Raises:
        BaselineError: It is another file.
        OSError: It cannot be read.
    """
    with open(path, encoding="utf-8") as file:
        try:
            document = json.load(file)
            if document["version"] != _VERSION:
                raise ValueError(f"version {document['version']!r}")
            counts = {(str(name), str(kind)): int(count) for name, kinds in document["uses"].items() for kind, count in kinds.items()}
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            raise BaselineError(
                f"expected a baseline of `census-compat scan --baseline {path} --update`, found another file ({error}); remove it, or name another"
            ) from None
    return Baseline(path, counts)
