"""Items held in memory."""

from __future__ import annotations

import pytest

from appinsights_exporter.delivery.memory import MemoryStore
from appinsights_exporter.reasons import EVICTED, NO_ROOM, TOO_OLD
from appinsights_exporter.testing import ManualClock


def items(count, size=36):
    """Return so many items of so many bytes, numbered."""
    return [(b'{"n":%03d,' % number).ljust(size, b"x") for number in range(count)]


def test_order_and_limits():
    """Items come out oldest first, as many as are asked for, and only once."""
    memory = MemoryStore()
    assert memory.put(items(5)).kept == 5
    assert memory.count() == 5
    first, second = memory.lease(max_items=2), memory.lease(max_bytes=80)
    assert (first.items, second.items) == (items(5)[:2], items(5)[2:4])
    assert memory.count() == 1


@pytest.mark.parametrize("end", ["give back", "leave the block", "done with a rest"])
def test_what_is_given_back_comes_first_again(end):
    """A lease that ends without being done leaves its items where they were."""
    memory = MemoryStore()
    memory.put(items(3))
    with memory.lease(max_items=2) as lease:
        if end == "give back":
            lease.give_back()
        elif end == "done with a rest":
            assert lease.done(lease.items[1:]).kept == 1
    assert memory.lease().items == (items(3)[1:] if end == "done with a rest" else items(3))


def test_done():
    """Done means gone, and a second end does nothing."""
    memory = MemoryStore()
    memory.put(items(3))
    lease = memory.lease()
    lease.done()
    lease.give_back()
    assert memory.lease() is None


def test_the_oldest_go_first():
    """When there is no room the oldest items are dropped and counted; one that is larger than everything is refused."""
    memory = MemoryStore(max_bytes=300)
    stored = memory.put(items(5))
    assert (stored.kept, stored.lost) == (5, {EVICTED: 2})
    assert memory.put([b"x" * 400]).lost == {NO_ROOM: 1}
    lease = memory.lease()
    assert lease.items == items(5)[2:]
    memory.put(items(2))
    assert lease.done(lease.items).lost == {EVICTED: 2}
    assert memory.lease().items == [items(5)[4], *items(2)]


def test_age():
    """Items that nobody would take any more are dropped and counted."""
    clock = ManualClock()
    memory = MemoryStore(max_age_s=10, clock=clock)
    memory.put(items(2))
    clock.advance(11)
    memory.put(items(1))
    lease = memory.lease()
    assert (lease.items, lease.lost) == (items(1), {TOO_OLD: 2})


def test_restart():
    """A child made by fork holds nothing of its parent's."""
    memory = MemoryStore()
    memory.put(items(2))
    memory.restart()
    assert (memory.count(), memory.lease()) == (0, None)
