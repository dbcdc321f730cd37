"""The queue and the thread of a log handler, as programs know them: the queue of the process and its thread do their work."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat.common.schedule import QueueEvent, QueueExitEvent
from opencensus_compat.ext.azure.common.exporter import _finish

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.hand_over import HandOver

__all__ = ["RecordQueue", "RecordWorker", "Worker", "putting"]

_logger = logging.getLogger("opencensus.ext.azure.log_exporter")


class Handler(Protocol):
    """A log handler, as its queue and its thread know it."""

    _hand_over: HandOver
    _has_own_queue: bool
    """Whether the `put` of its queue is the one that the handler may leave out."""

    def flush(self, timeout: float | None = None) -> None:
        """Export what was logged."""


class _Putting(threading.local):
    """Whose queue this thread is putting a record into."""

    handler: object = None
    """The handler whose own queue it is."""


putting = _Putting()


class Worker(threading.Thread):
    """Takes batches from a queue and gives them to a handler's `_export`, for programs that run queue and thread themselves.

    Args:
        src: The queue.
        dst: The handler.

    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L133-L174
    """

    # As in OpenCensus: it is that module's.
    __module__ = __name__.rpartition(".")[0]
    daemon = True

    def __init__(self, src: Any, dst: Any) -> None:
        super().__init__(name=f"{type(dst).__name__} Worker", daemon=True)
        self._src = src
        self._dst = dst
        self._stopping = False

    def run(self) -> None:
        """Work until the queue's exit event arrives."""
        _context.exporting.set(_context.Exporting.OURS)
        while True:
            batch = self._src.gets(self._dst.max_batch_size, self._dst.export_interval)
            event = batch[-1] if batch and isinstance(batch[-1], QueueEvent) else None
            try:
                if event is None:
                    self._dst._export(batch)
                else:
                    self._dst._export(batch[:-1], event=event)
            except _exporter.failure():
                _logger.exception("Unhandled exception from exporter.")
            if event is self._src.EXIT_EVENT:
                return

    def stop(self, timeout: float | None = None) -> float | None:
        """Let the thread finish what is queued.

        Args:
            timeout: Seconds to wait at most.
        Returns: Seconds it took, None when it did not finish in time.
        """
        return _finish(self, self._src, timeout)


class RecordQueue:
    """A handler's queue, as programs use it.

    Args:
        handler: The handler.
        take: Puts a record into the queue of the process.
    """

    def __init__(self, handler: Handler, take: Callable[[logging.LogRecord], object]) -> None:
        self._handler = handler
        self._take = take
        self.EXIT_EVENT = QueueExitEvent("EXIT")

    def is_of(self, handler: object) -> bool:
        """Return whether it is a handler's, with the `put` that it was made with."""
        return self._handler is handler and "put" not in self.__dict__

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute. A `put` of the program's own is called with the handler's records from now on."""
        super().__setattr__(name, value)
        if name == "put":
            self._handler._has_own_queue = False

    def put(self, item: logging.LogRecord | QueueEvent, block: bool = True, timeout: float | None = None) -> None:
        """Take a record. An event is set when the records before it were exported."""
        if isinstance(item, QueueEvent):
            self._handler.flush(timeout)
            item.set()
            return
        before, putting.handler = putting.handler, self._handler
        try:
            self._take(item)
        finally:
            putting.handler = before

    def puts(self, items: Iterable[logging.LogRecord | QueueEvent], block: bool = True, timeout: float | None = None) -> None:
        """Take records."""
        for item in items:
            self.put(item, block, timeout)

    def gets(self, count: int, timeout: float) -> tuple[QueueEvent, ...]:
        """Wait, and return nothing or the exit event: the records go to the queue of the process."""
        return (self.EXIT_EVENT,) if self.EXIT_EVENT.wait(timeout) else ()

    def is_empty(self) -> bool:
        """Return whether the queue of the process is empty."""
        return self._handler._hand_over.is_empty()

    def flush(self, timeout: float | None = None) -> float:
        """Export what was logged, and return the seconds it took."""
        began = time.monotonic()
        self._handler.flush(timeout)
        return time.monotonic() - began


class RecordWorker:
    """A handler's thread, as programs use it."""

    daemon = True

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.name = f"{type(handler).__name__} Worker"

    def is_alive(self) -> bool:
        """Return True."""
        return True

    def start(self) -> None:
        """Do nothing: the thread of the process starts with the first record."""

    def stop(self, timeout: float | None = None) -> float:
        """Export what was logged, and return the seconds it took."""
        began = time.monotonic()
        self._handler.flush(timeout)
        return time.monotonic() - began

    def join(self, timeout: float | None = None) -> None:
        """Export what was logged."""
        self.stop(timeout)
