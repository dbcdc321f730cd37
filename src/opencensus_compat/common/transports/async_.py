"""Exporting in a background thread, in batches."""

from __future__ import annotations

import atexit
import contextlib
import logging
import queue
import threading
from typing import Any

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.process import restart_in_child
from opencensus_compat.common.transports import base

_DEFAULT_GRACE_PERIOD = 5.0
"""Seconds that the end of the process waits for what is queued."""
_DEFAULT_MAX_BATCH_SIZE = 600
"""Most calls of `export` that are put into one batch."""
_DEFAULT_WAIT_PERIOD = 60.0
"""Seconds between two batches."""
_WORKER_THREAD_NAME = "opencensus.common.Worker"
_WORKER_TERMINATOR = object()
"""Queued to end the thread."""

logger = logging.getLogger("opencensus.common.transports.async_")


class _Worker:
    """A queue and the thread that empties it into an exporter.

    A fork leaves the child without the thread and with a copy of the queue. The copy is dropped, since the parent still exports its
    items, and the thread is made anew when the child queues something of its own.
    """

    def __init__(
        self,
        exporter: Any,
        grace_period: float | None = _DEFAULT_GRACE_PERIOD,
        max_batch_size: int = _DEFAULT_MAX_BATCH_SIZE,
        wait_period: float | None = _DEFAULT_WAIT_PERIOD,
    ) -> None:
        self.exporter = exporter
        self._grace_period = grace_period
        self._max_batch_size = max_batch_size
        self._wait_period = wait_period
        self._exit_hook_set = False
        self._reset()
        restart_in_child(self)

    def _reset(self) -> None:
        self._queue: queue.Queue[Any] = queue.Queue()
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._thread: threading.Thread | None = None
        self._lost_in_fork = False

    def restart(self) -> None:
        """Forget the parent's items and thread, and note whether to start a thread with the first item of this process."""
        # The thread's own state cannot be asked: it says that it is dead here, whether or not it ran in the parent.
        was_running = self._thread is not None or self._lost_in_fork
        self._reset()
        self._lost_in_fork = was_running

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _get_items(self) -> list[Any]:
        """Wait for one item and return it with those behind it, at most `max_batch_size`."""
        items = [self._queue.get()]
        with contextlib.suppress(queue.Empty):
            while len(items) < self._max_batch_size:
                items.append(self._queue.get_nowait())
        return items

    def _thread_main(self) -> None:
        # Integrations do not trace what this thread does.
        _context.exporting.set(_context.Exporting.PROGRAM)
        last = False
        while not last:
            items = self._get_items()
            batches = [item for item in items if item is not _WORKER_TERMINATOR]
            last = len(batches) < len(items)
            self._emit(batches)
            for _ in items:
                self._queue.task_done()
            # Set when the process ends: from then on batches follow each other without a pause.
            self._event.wait(self._wait_period)

    def _emit(self, batches: list[Any]) -> None:
        """Hand the exporter one list of all the batches' items."""
        data: list[Any] = []
        try:
            for batch in batches:
                data.extend(batch)
            if data:
                self.exporter.emit(data)
        except _exporter.failure():
            logger.exception("%s failed to export; %d items are lost", type(self.exporter).__name__, len(data))

    def start(self) -> None:
        """Start the thread if it does not run, and see to it that the end of the process waits for it."""
        with self._lock:
            if self.is_alive:
                return
            self._lost_in_fork = False
            self._thread = threading.Thread(target=self._thread_main, name=_WORKER_THREAD_NAME, daemon=True)
            _context.in_empty_context(self._thread.start)
            if not self._exit_hook_set:
                self._exit_hook_set = True
                atexit.register(self._export_pending_data)

    def stop(self) -> bool:
        """Export what is queued, end the thread, and wait for that no longer than the grace period.

        Returns:
            Whether the thread has ended.
        """
        if not self.is_alive:
            return True
        with self._lock:
            thread = self._thread
            if thread is None:
                return True
            self._queue.put_nowait(_WORKER_TERMINATOR)
            thread.join(timeout=self._grace_period)
            self._thread = None
            return not thread.is_alive()

    def _export_pending_data(self) -> None:
        """Stop without pausing between batches; called when the process ends."""
        if self.is_alive:
            self._event.set()
            self.stop()

    def enqueue(self, data: Any) -> None:
        """Queue a list of span data or metrics."""
        if self._lost_in_fork:
            self.start()
        self._queue.put_nowait(data)

    def flush(self) -> None:
        """Wait until everything queued was exported; the pauses between batches count. Nothing to wait for when the thread is gone."""
        if self.is_alive:
            self._queue.join()


class AsyncTransport(base.Transport):
    """Collects what is exported and hands it to the exporter's `emit` in a thread of its own.

    What `emit` raises is logged, and the batch is lost. Up to one `wait_period` passes before a batch is handed over, except at the
    end of the process.

    Args:
        exporter: Any object with `emit`.
        grace_period: Seconds that the end of the process waits for what is queued.
        max_batch_size: Most calls of `export` that are put into one batch.
        wait_period: Seconds between two batches.
    """

    def __init__(
        self,
        exporter: Any,
        grace_period: float | None = _DEFAULT_GRACE_PERIOD,
        max_batch_size: int = _DEFAULT_MAX_BATCH_SIZE,
        wait_period: float | None = _DEFAULT_WAIT_PERIOD,
    ) -> None:
        self.exporter = exporter
        self.worker = _Worker(exporter, grace_period, max_batch_size, wait_period)
        self.worker.start()

    def export(self, data: Any) -> None:
        """Queue a list of span data or metrics."""
        self.worker.enqueue(data)

    def flush(self) -> None:
        """Wait until everything queued was exported; the pauses between batches count."""
        self.worker.flush()
