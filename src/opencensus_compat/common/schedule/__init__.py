"""A task that runs at intervals, and a queue that hands out batches and tells when it was emptied."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

logger = logging.getLogger("opencensus.common.schedule")


class PeriodicTask(threading.Thread):
    """A thread that calls a function again and again; `start` it, `cancel` it.

    Args:
        interval: Seconds from the start of one call to the start of the next. A call that takes longer is followed at once.
        function: What to call. An exception of it ends the thread.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        name: The thread's name.
    """

    def __init__(
        self,
        interval: float,
        function: Callable[..., object],
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.interval = interval
        self.function = function
        self.args = args or []
        self.kwargs = kwargs or {}
        self.finished = threading.Event()

    def run(self) -> None:
        """Wait and call until `cancel`."""
        wait_s = self.interval
        while not self.finished.wait(wait_s):
            began = time.monotonic()
            self.function(*self.args, **self.kwargs)
            wait_s = max(self.interval - (time.monotonic() - began), 0)

    def cancel(self) -> None:
        """Make no further call; one that is running is not interrupted."""
        self.finished.set()


class QueueEvent:
    """A mark in a queue. The consumer sets it when it takes it out, and the producer can wait for that."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.event = threading.Event()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

    def set(self) -> None:
        """Tell those who wait that everything before the mark was taken out."""
        self.event.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Return whether the mark was set within the time, seconds; None waits for ever."""
        return self.event.wait(timeout)


class QueueExitEvent(QueueEvent):
    """The mark after which nothing follows."""


class Queue:
    """A bounded first-in-first-out queue whose items are taken in batches.

    Args:
        capacity: Most items it holds; 0 means any number.
    """

    def __init__(self, capacity: int) -> None:
        self.EXIT_EVENT = QueueExitEvent("EXIT")
        self._queue: queue.Queue[Any] = queue.Queue(maxsize=capacity)

    def _gets(self, count: int, timeout: float) -> Iterator[Any]:
        """Yield up to `count` items: those at hand, then those that come within the time. A mark ends the batch."""
        deadline = time.monotonic() + timeout
        may_wait = False
        taken = 0
        while taken < count:
            try:
                item = self._queue.get(block=may_wait, timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                if may_wait:
                    return
                may_wait = True
                continue
            yield item
            if isinstance(item, QueueEvent):
                return
            taken += 1

    def gets(self, count: int, timeout: float) -> tuple[Any, ...]:
        """Return the next batch.

        Args:
            count: Most items in it.
            timeout: Seconds to wait for it to fill up.

        Returns:
            The items, possibly none. A `QueueEvent` is always the last of its batch.
        """
        return tuple(self._gets(count, timeout))

    def is_empty(self) -> bool:
        """Return whether nothing is queued."""
        return not self._queue.qsize()

    def flush(self, timeout: float | None = None) -> float | None:
        """Wait until everything queued so far was taken out and its taker said so by setting the mark.

        Args:
            timeout: Longest wait, seconds; None waits for ever.

        Returns:
            The seconds it took, 0 when nothing was queued, None when the time was not enough.
        """
        if self.is_empty():
            return 0
        began = time.monotonic()
        mark = QueueEvent(f"SYNC(timeout={timeout})")
        try:
            self._queue.put(mark, block=True, timeout=timeout)
        except queue.Full:
            return None
        # A timeout of 0 is handed on as 0, and None as None.
        remaining_s = timeout and max(timeout - (time.monotonic() - began), 0)
        return time.monotonic() - began if mark.wait(remaining_s) else None

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Queue an item, waiting for room if asked to.

        Args:
            item: The item.
            block: Whether to wait when the queue is full.
            timeout: Longest wait, seconds; None waits for ever.

        Loses:
            The item, with a warning, when there is no room in time.
        """
        try:
            self._queue.put(item, block, timeout)
        except queue.Full:
            logger.warning("Queue is full. Dropping telemetry.")

    def puts(self, items: Iterable[Any], block: bool = True, timeout: float | None = None) -> None:
        """Queue items one after the other, as `put` does, in no more than `timeout` seconds altogether."""
        if not block or timeout is None:
            for item in items:
                self.put(item, block, timeout)
            return
        deadline = time.monotonic() + timeout
        for item in items:
            self.put(item, block=True, timeout=max(deadline - time.monotonic(), 0))
