"""How span data gets to an exporter: at once, or by a worker that survives forks and empties its queue at exit."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from opencensus_compat.common.transports.async_ import AsyncTransport
from opencensus_compat.common.transports.sync import SyncTransport
from opencensus_compat.trace import execution_context


class Recorder:
    """An exporter that keeps what it gets, with the exporting mark of that moment."""

    def __init__(self, error=None, inner=None):
        self.got = []
        self.marks = []
        self.error = error
        self.inner = inner

    def emit(self, batch):
        """Keep a batch, hand it on, and fail if told to."""
        if self.inner is not None:
            SyncTransport(self.inner).export(batch)
        self.got.append(batch)
        self.marks.append(execution_context.is_exporter())
        if self.error is not None:
            raise self.error


def test_sync_transport_marks_the_export():
    """Integrations see the mark while the exporter works, and not afterwards."""
    exporter = Recorder()
    SyncTransport(exporter).export([1])
    assert (exporter.got, exporter.marks, execution_context.is_exporter()) == ([[1]], [True], False)


def test_sync_transport_lets_an_error_through():
    """What the exporter raises is the caller's, and the mark is gone."""
    error = ValueError("refused")
    with pytest.raises(ValueError, match="refused") as raised:
        SyncTransport(Recorder(error)).export([1])
    assert (raised.value, execution_context.is_exporter()) == (error, False)


def test_sync_transport_inside_another():
    """An exporter that exports through another one stays marked until its own end."""
    exporter = Recorder(inner=Recorder())
    SyncTransport(exporter).export([1])
    assert (exporter.inner.got, exporter.marks) == ([[1]], [True])


def test_async_transport_joins_lists():
    """Lists queued one after the other arrive in order, and the worker is marked."""
    exporter = Recorder()
    transport = AsyncTransport(exporter, wait_period=0)
    transport.export([1, 2])
    transport.export((3,))
    transport.flush()
    assert [item for batch in exporter.got for item in batch] == [1, 2, 3]
    assert set(exporter.marks) == {True}
    assert transport.worker.stop()


def test_async_transport_survives_errors(caplog):
    """A batch that fails is lost with one line in the log; the next one is exported."""
    exporter = Recorder(ValueError("refused"))
    transport = AsyncTransport(exporter, wait_period=0)
    transport.export([1, 2])
    transport.flush()
    exporter.error = None
    transport.export([3])
    transport.flush()
    assert transport.worker.stop()
    assert exporter.got == [[1, 2], [3]]
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("opencensus.common.transports.async_", "Recorder failed to export; 2 items are lost")
    ]


def test_async_transport_stops_within_its_grace_period():
    """A hanging exporter does not keep the program; `stop` says that the worker goes on."""
    hanging, released = threading.Event(), threading.Event()

    class Hanging:
        def emit(self, batch):
            hanging.set()
            assert released.wait(60)

    transport = AsyncTransport(Hanging(), grace_period=0.01, wait_period=0)
    transport.export([1])
    assert hanging.wait(60)
    thread = transport.worker._thread
    assert not transport.worker.stop()
    released.set()
    thread.join(60)
    assert not thread.is_alive()


def test_flush_of_a_stopped_worker_returns():
    """Nobody waits for a thread that is gone."""
    transport = AsyncTransport(Recorder(), wait_period=0)
    assert transport.worker.stop()
    transport.export([1])
    transport.flush()


_PROGRAM = """
import os, sys, threading
from opencensus_compat.common.transports.async_ import AsyncTransport

parent = os.getpid()
first = threading.Event()

class Exporter:
    def emit(self, batch):
        os.write(1, ("%s %s\\n" % ("parent" if os.getpid() == parent else "child", batch)).encode())
        first.set()

transport = AsyncTransport(Exporter(), wait_period=50)
transport.export(["first"])
assert first.wait(60)
transport.export(["left in the queue"])  # the worker pauses now
"""

_FORK = """
child = os.fork()
if child == 0:
    transport.flush()  # nothing of the parent's to wait for
    if "idle" not in sys.argv:
        transport.export(["from the child"])
        transport.export(["and more"])
else:
    assert os.waitpid(child, 0)[1] == 0
"""


def run(program, *arguments):
    """Return the lines that a program prints, in order of their text; it must end well and without warnings."""
    # Forking with a thread is what this is about; Python 3.12 warns of it.
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(done.stdout.splitlines())


def test_the_queue_is_emptied_at_exit():
    """What is queued when the program ends is exported without waiting for the pause to end."""
    assert run(_PROGRAM) == ["parent ['first']", "parent ['left in the queue']"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_exports_its_own():
    """The child gets a worker with its first item; the parent's items are exported once, by the parent."""
    lines = run(_PROGRAM + _FORK)
    assert [line for line in lines if line.startswith("parent")] == ["parent ['first']", "parent ['left in the queue']"]
    from_child = "".join(line for line in lines if line.startswith("child"))
    assert (from_child.count("'from the child'"), from_child.count("'and more'"), "left" in from_child) == (1, 1, False)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_that_exports_nothing_ends_at_once():
    """A child without items starts no thread and exports nothing."""
    assert run(_PROGRAM + _FORK, "idle") == ["parent ['first']", "parent ['left in the queue']"]
