"""What is to be sent another time: on disk, or in memory where there is no disk, and what the retired exporter left.

Everything that is lost on the way is counted here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..counts import KEPT, Counts
from .drain_pace import FASTEST_S
from .folder import current_user
from .results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..reasons import Reason
    from .legacy_store import LegacyStore
    from .memory import MemoryLease, MemoryStore
    from .store import Lease, Store

LEGACY_LOOK_S = 61.0
"""When to look again for what the retired exporter left, seconds: its leases last for 60 s, also after its process has ended."""
LEGACY_LOOKS = 3
"""How often to look for it, beside exports."""

_logger = logging.getLogger(__name__)


class Backlog:
    """Items of one destination that wait for another try; safe for several threads.

    Args:
        store: Makes the place on disk; called when there is something to store. None stores nothing on disk.
        memory: Holds what cannot be stored.
        counts: Where to count.
        legacy: Finds what the retired exporter left, to be moved into the store; None leaves it alone.
    """

    def __init__(
        self,
        *,
        store: Callable[[], Store] | None,
        memory: MemoryStore,
        counts: Counts,
        legacy: Callable[[], LegacyStore | None] | None,
    ) -> None:
        self.legacy = legacy
        """Finds what the retired exporter left; None leaves it alone."""
        self._make_store = store
        self._may_store = store is not None
        self._store: Store | None = None
        self._store_user: int | None = None
        """The user whose folder the store is in."""
        self._memory = memory
        self._counts = counts
        self._legacy_looks = 0

    def restart(self) -> None:
        """Hold nothing in memory: for a child made by fork, whose parent sends that. The store is for both."""
        self._memory.restart()
        self._legacy_looks = 0

    @property
    def may_store(self) -> bool:
        """Whether something may be stored on disk."""
        return self._may_store

    @property
    def uses_disk(self) -> bool:
        """Whether there may be something on disk."""
        return self._may_store or self._store is not None

    def stop_storing(self) -> None:
        """Store nothing more. What is stored already is still given out."""
        self._may_store = False
        self.legacy = None

    def put(self, items: Sequence[bytes], signal: str) -> Result:
        """Keep items for later: on disk, or else in memory; return which, and count what was lost for that."""
        result = self.store(items, signal)
        if result is not None:
            return result
        held = self._memory.put(items)
        self._counts.held(held.kept, signal)
        self.count_lost(held.dropped)
        self.count_lost(held.refused, signal)
        return Result.LOST if held.lost else Result.HELD

    def store(self, items: Sequence[bytes], signal: str) -> Result | None:
        """Store items on disk; return None where none of them can be stored."""
        store = self._disk() if self._may_store else None
        if store is None:
            return None
        stored = store.put(items)
        self.count_lost(stored.dropped)
        if not stored.kept:
            return None
        self._counts.stored(stored.kept, signal)
        self.count_lost(stored.refused, signal)
        return Result.LOST if stored.refused else Result.STORED

    def lease(self) -> Lease | MemoryLease | None:
        """Return the oldest items, those in memory first, or None when there are none that others do not hold."""
        held = self._memory.lease()
        if held is not None:
            return held
        store = self._disk()
        return None if store is None else store.lease()

    def lease_from_memory(self) -> MemoryLease | None:
        """Return the oldest items in memory, or None when there are none."""
        return self._memory.lease()

    def count(self) -> int:
        """Return about how many items wait, in the store and in memory."""
        store = self._store
        return self._memory.count() + (0 if store is None else store.count())

    def take_over_legacy(self) -> float | None:
        """Move what the retired exporter left into the store; return when to look again, seconds, or None for not."""
        find = self.legacy
        if find is None:
            return None
        legacy, store = find(), self._disk()
        if legacy is None or store is None:
            return None
        moved = legacy.move_to(store)
        self.count_lost(moved.lost)
        if moved.items:
            self._counts.stored(moved.items, KEPT)
        self._legacy_looks += 1
        if not moved.finished:
            return FASTEST_S
        return LEGACY_LOOK_S if self._legacy_looks < LEGACY_LOOKS else None

    def place(self, result: Result) -> str | None:
        """Return where items with this result are, for a log line; None where they are lost."""
        store = self._store
        return {Result.HELD: "in memory", Result.STORED: "on disk" if store is None else f"in {store.folder}"}.get(result)

    def count_lost(self, lost: Mapping[Reason, int], signal: str = KEPT) -> None:
        """Count losses by reason."""
        for reason, items in lost.items():
            self._counts.dropped(reason, items, signal=signal)

    def _disk(self) -> Store | None:
        if self._store is not None and self._store_user != current_user():
            # A server that drops root: the folder is root's, and so is what is in it.
            left, self._store = self._store, None
            _logger.warning(
                "The process runs as another user now: telemetry is stored in a folder of that user. A process of the former user sends what "
                "was stored in %s.",
                left.folder,
            )
        if self._store is None and self._may_store and self._make_store is not None:
            # Two threads may both make one; both know the same folder, and one of them stays.
            self._store_user = current_user()
            self._store = self._make_store()
        return self._store
