"""The application map: which roles call what, how often, how fast, and how much of it fails, as the portal counts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .transaction import parent_id

if TYPE_CHECKING:
    from .store import Store

_WITHIN = "inproc"
"""Dependencies of this type are steps inside a role: the portal's map has none of them."""


@dataclass(slots=True)
class Figures:
    """What is known of a group of calls."""

    calls: int = 0
    """Sum of ``itemCount``: calls that sampling left out count."""
    failed: int = 0
    durations_ms: list[float] = field(default_factory=list)

    def add(self, count: int, success: object, duration_ms: float | None) -> None:
        """Count an item."""
        self.calls += count
        if success == "False":
            self.failed += count
        if duration_ms is not None:
            self.durations_ms.append(duration_ms)

    def percentile_ms(self, percent: int) -> float | None:
        """Return the duration that this share of the items does not exceed (nearest rank); None without any."""
        if not self.durations_ms:
            return None
        self.durations_ms.sort()
        return self.durations_ms[max(0, -(-len(self.durations_ms) * percent // 100) - 1)]


@dataclass(frozen=True, slots=True)
class Place:
    """A role, or what roles call."""

    kind: str
    """``role``, or the type of the calls: ``SQL``, ``HTTP`` ..."""
    name: str


@dataclass(frozen=True, slots=True)
class Map:
    """Who calls whom."""

    requests: dict[Place, Figures]
    """What each role serves; a role that only calls others has none of it."""
    calls: dict[tuple[Place, Place], Figures]
    exceptions: dict[Place, int]


def application_map(store: Store) -> Map:
    """Return the map of all items of a recording."""
    served_by: dict[tuple[str, str], Place] = {}
    requests: dict[Place, Figures] = {}
    found = store.query("SELECT cloud_RoleName, operation_Id, operation_ParentId, itemCount, success, duration FROM requests")
    for role, operation, parent, count, success, duration_ms in found:
        place = Place("role", role or "")
        requests.setdefault(place, Figures()).add(count, success, duration_ms)
        caller = parent_id({"operation_ParentId": parent}, operation or "")
        if caller is not None:
            served_by[operation or "", caller] = place
    calls: dict[tuple[Place, Place], Figures] = {}
    found = store.query("SELECT cloud_RoleName, operation_Id, id, type, target, name, itemCount, success, duration FROM dependencies")
    for role, operation, own_id, kind, target, name, count, success, duration_ms in found:
        if str(kind or "").lower().startswith(_WITHIN):
            continue
        called = served_by.get((operation or "", own_id or "")) or Place(kind or "other", target or name or "")
        calls.setdefault((Place("role", role or ""), called), Figures()).add(count, success, duration_ms)
    counted = store.query("SELECT cloud_RoleName, sum(itemCount) FROM exceptions GROUP BY 1")
    return Map(requests, calls, {Place("role", role or ""): number for role, number in counted})
