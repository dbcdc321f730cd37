"""The base of exporters that batch on a thread of their own, for subclasses that programs wrote.

This package's own exporters do not use the thread: their items go through a destination's pipeline.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from opencensus_compat._bridge import context as _context
from opencensus_compat.common.schedule import Queue, QueueEvent
from opencensus_compat.ext.azure.common import Options


class BaseExporter:
    """Calls `emit` with batches of the items that `export` was called with, on a thread that starts with the first item.

    Args:
        options: See `Options`; `max_batch_size`, `export_interval` (seconds), `queue_capacity` and `grace_period` (seconds) matter here.

    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/exporter.py#L24-L54
    """

    _queue_made: Any = None
    _worker_made: Any = None
    _worker_pid = 0

    def __init__(self, **options: Any) -> None:
        self._prepare(Options(**options))

    def _prepare(self, options: Options) -> None:
        self.export_interval = options["export_interval"]
        self.max_batch_size = options["max_batch_size"]
        # The rest matters when the thread starts.
        self._prepared_with = options

    @property
    def _queue(self) -> Any:
        if self._queue_made is None:
            self._queue_made = Queue(capacity=self._prepared_with.queue_capacity)
        return self._queue_made

    @property
    def _worker(self) -> Any:
        """The thread, started; after a fork a new one with an empty queue, since the parent exports what was queued."""
        if self._worker_made is None or self._worker_pid != os.getpid():
            self._queue_made = None
            self._worker_made = Worker(self._queue, self)
            self._worker_pid = os.getpid()
            _context.in_empty_context(self._worker_made.start)
            atexit.register(_stop, weakref.ref(self._worker_made), self._prepared_with.grace_period)
        return self._worker_made

    def emit(self, batch: Sequence[Any], event: QueueEvent | None = None) -> None:
        """Export a batch; to be overridden. The override sets `event` when that is done."""
        raise NotImplementedError

    def export(self, items: Iterable[Any]) -> None:
        """Queue items for `emit`. A full queue drops them with a warning."""
        self._take(items)

    def _take(self, items: Iterable[Any]) -> None:
        self._worker.src.puts(items, block=False)


def _stop(worker: weakref.ref[Worker], grace_period: float) -> None:
    alive = worker()
    if alive is not None:
        alive.stop(grace_period)


class Worker(threading.Thread):
    """Takes batches from a queue and gives them to an exporter's `emit`.

    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/exporter.py#L57-L93
    """

    daemon = True

    def __init__(self, src: Queue, dst: BaseExporter) -> None:
        super().__init__(name="AzureExporter Worker", daemon=True)
        self.src = src
        self.dst = dst
        self._stopping = False

    def run(self) -> None:
        """Work until the queue's exit event arrives."""
        _context.exporting.set(_context.Exporting.PROGRAM)
        while True:
            batch = self.src.gets(self.dst.max_batch_size, self.dst.export_interval)
            if not batch or not isinstance(batch[-1], QueueEvent):
                self.dst.emit(batch)
                continue
            self.dst.emit(batch[:-1], event=batch[-1])
            if batch[-1] is self.src.EXIT_EVENT:
                return

    def stop(self, timeout: float | None = None) -> float | None:
        """Let the thread finish what is queued.

        Args:
            timeout: Seconds to wait at most.
        Returns: Seconds it took, None when it did not finish in time.
        """
        return _finish(self, self.src, timeout)


def _finish(worker: Any, source: Queue, timeout: float | None) -> float | None:
    """Let a worker's thread finish what is in its queue; see `Worker.stop`."""
    started = time.monotonic()
    left = timeout
    if not worker.is_alive():
        # A child made by fork has a copy of this object, but not the thread.
        left = 0.0
    elif not worker._stopping:
        worker._stopping = True
        source.put(source.EXIT_EVENT, block=True, timeout=timeout)
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - started))
    return time.monotonic() - started if source.EXIT_EVENT.wait(timeout=left) else None
