"""The base exporter with a thread of its own, for subclasses that programs wrote."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from opencensus_compat.ext.azure.common.exporter import BaseExporter
from opencensus_compat.trace import execution_context

KEY = "11111111-2222-3333-4444-555555555555"


class Collecting(BaseExporter):
    """A subclass as programs write it."""

    def __init__(self, **options):
        self.batches = []
        self.seen = threading.Event()
        super().__init__(instrumentation_key=KEY, **options)

    def emit(self, batch, event=None):
        """Collect a batch."""
        self.batches.append((list(batch), execution_context.is_exporter()))
        self.seen.set()
        if event is not None:
            event.set()


def test_making_one_starts_nothing():
    """The thread starts with the first item."""
    before = set(threading.enumerate())
    exporters = [Collecting() for _ in range(100)]
    assert set(threading.enumerate()) - before == set()
    del exporters
    gc.collect()


def test_batches():
    """A full batch is emitted at once, on the exporter's thread, which knows that it exports."""
    exporter = Collecting(max_batch_size=2, export_interval=3600.0)
    exporter.export(["a", "b", "c"])
    assert exporter.seen.wait(60)
    assert exporter.batches[0] == (["a", "b"], True)
    exporter._worker.stop(5.0)
    assert [item for batch, _ in exporter.batches for item in batch] == ["a", "b", "c"]


def test_flush():
    """`_queue.flush` waits until what was queued has been emitted."""
    exporter = Collecting(export_interval=3600.0)
    exporter.export(["a"])
    exporter._queue.flush(5.0)
    assert [batch for batch, _ in exporter.batches if batch] == [["a"]]
    exporter._worker.stop(5.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_exit_and_fork(run_program):
    """What waits at exit is emitted, by the process that it was queued in."""
    printed = run_program(
        f"""
        import os, sys
        from opencensus.ext.azure.common.exporter import BaseExporter

        class Printing(BaseExporter):
            def emit(self, batch, event=None):
                for item in batch:
                    os.write(1, (item + "\\n").encode())
                if event is not None:
                    event.set()

        exporter = Printing(connection_string="InstrumentationKey={KEY}", export_interval=3600.0)
        exporter.export(["parent"])
        pid = os.fork()
        if pid == 0:
            exporter.export(["child"])
            sys.exit(0)
        os.waitpid(pid, 0)
        """,
        options=("-W", "ignore"),
    )
    assert sorted(printed.splitlines()) == ["child", "parent"]
