"""The queue between the threads that log and the one that works on what they logged."""

from __future__ import annotations

import os
import threading
import weakref
from types import SimpleNamespace

import pytest

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.context import Exporting
from opencensus_compat._bridge.handles import LogHandle
from opencensus_compat._bridge.pipeline import hand_over as _handover
from opencensus_compat._bridge.pipeline.hand_over import WIDTH, HandOver


def call(function, *args):
    """Return a call as the queue takes it: a function that drops what it is given beyond its arguments, and as many values as a call has."""
    return (lambda *given: function(*given[: len(args)]), *args, *(None,) * (WIDTH - 1 - len(args)))


@pytest.fixture
def queue(monkeypatch):
    """A queue whose thread does not work until it is flushed."""
    monkeypatch.setattr(_handover, "PAUSE_S", 60.0)
    return HandOver(lambda: None)


def test_calls_are_made_in_order_on_one_thread_that_exports(queue):
    """The thread is not the caller's, begins with the first call, and what it logs is known not to be the application's."""
    seen = []
    for number in range(100):
        assert queue.put(call(lambda number: seen.append((number, threading.current_thread().name, _context.exporting.get())), number))
    assert seen == []
    assert not queue.is_empty()
    assert queue.flush(60.0)
    assert seen == [(number, "opencensus-hand-over", Exporting.OURS) for number in range(100)]
    assert queue.is_empty()


def test_prepared_once_on_the_thread_that_puts(monkeypatch):
    """What has to be made before the thread starts is made by who puts the first call in, and only then."""
    prepared = []
    queue = HandOver(lambda: prepared.append(threading.current_thread()))
    assert queue.flush(0.0)
    assert prepared == []
    for _ in range(3):
        queue.put(call(lambda: None))
    assert queue.flush(60.0)
    assert prepared == [threading.main_thread()]


def test_a_full_queue(queue):
    """Without room nothing is taken, and who asked for more room gets it; losses are told on the thread, added up."""
    queue.ensure_capacity(10)
    queue.capacity = 3
    told = []

    def tell(times):
        told.append((times, threading.current_thread().name))

    assert [queue.put(call(lambda: None)) for _ in range(5)] == [True] * 3 + [False] * 2
    queue.count_dropped(tell)
    queue.count_dropped(tell)
    assert queue.flush(60.0)
    assert told == [(2, "opencensus-hand-over")]
    queue.ensure_capacity(5)
    assert (queue.capacity, [queue.put(call(lambda: None)) for _ in range(6)]) == (5, [True] * 5 + [False])
    queue.clear()
    assert (queue.is_empty(), queue.capacity) == (True, _handover.LEAST_CAPACITY)


def test_a_call_that_raises_loses_no_other(queue, caplog):
    """It is said once."""
    seen = []
    queue.put(call({}.__getitem__, "key"))
    queue.put(call({}.__getitem__, "key"))
    queue.put(call(seen.append, 1))
    assert queue.flush(60.0)
    assert seen == [1]
    assert [record.getMessage() for record in caplog.records] == ["a log record was lost: KeyError (said once)"]


def test_flush_does_not_wait_longer_than_it_may(queue):
    """A call that takes its time makes a flush return False; on the thread itself a flush returns at once."""
    release, inside = threading.Event(), []
    queue.put(call(lambda: inside.append(queue.flush(60.0))))
    queue.put(call(release.wait, 60.0))
    assert not queue.flush(0.05)
    release.set()
    assert queue.flush(60.0)
    assert inside == [True]


def test_where_no_thread_can_be_started(monkeypatch):
    """At the end of the interpreter, whoever flushes makes the calls."""
    monkeypatch.setattr(_handover, "_started", lambda _: None)
    queue = HandOver(lambda: None)
    seen = []
    queue.put(call(lambda: seen.append((threading.current_thread(), _context.exporting.get()))))
    assert seen == []
    assert queue.flush(60.0)
    assert seen == [(threading.main_thread(), Exporting.OURS)]
    assert _context.exporting.get() is Exporting.NO


def test_nothing_of_a_call_stays(queue):
    """What a call held is free when it was made, although no other follows."""

    class Record:
        pass

    record = Record()
    seen = weakref.ref(record)
    queue.put(call(id, record))
    assert queue.flush(60.0)
    del record
    # The flush's own mark comes after the call, so its tuple has gone.
    assert seen() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_begins_with_an_empty_queue_and_a_thread_of_its_own(queue):
    """What waits is the parent's; the child's calls are made in the child."""
    reader, writer = os.pipe()
    queue.put(call(os.write, writer, b"p"))
    pid = os.fork()
    if pid == 0:
        queue.put(call(os.write, writer, b"c"))
        os._exit(0 if queue.flush(60.0) else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert os.read(reader, 10) == b"c"
    assert queue.flush(60.0)
    assert os.read(reader, 10) == b"p"
    os.close(reader)
    os.close(writer)


def test_many_threads_put_at_once():
    """Nothing is lost or made twice, whatever thread wakes the worker."""
    queue = HandOver(lambda: None)
    queue.ensure_capacity(100_000)
    seen = []
    threads = [threading.Thread(target=lambda: [queue.put(call(seen.append, number)) for number in range(2000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queue.flush(60.0)
    assert sorted(seen) == sorted(list(range(2000)) * 8)


def test_what_waits_is_given_up(queue):
    """At the end of the process, what waits is counted by the part of its handler, also the call that is being made; who flushes goes on."""
    reached, leave, counted = threading.Event(), threading.Event(), []
    rest = (None,) * (WIDTH - 1)

    class Part:
        exporter = SimpleNamespace(no_time=counted.append)

    class Handler(LogHandle):
        _pipeline = Part()

        def stuck(self, *_):
            reached.set()
            leave.wait(60.0)

        def convert(self, *_):
            counted.append("converted")

    handler = Handler()
    assert queue.put((handler.stuck, *rest))
    assert queue.put((handler.convert, *rest))
    assert queue.put((print, *rest))
    flushed = threading.Thread(target=queue.flush, args=(60.0,))
    flushed.start()
    assert reached.wait(60.0)
    queue.give_up()
    queue.give_up()
    leave.set()
    flushed.join(60.0)
    assert (counted, flushed.is_alive(), queue.is_empty()) == ([1, 1], False, True)


def test_no_call_begins_after_the_time(queue, monkeypatch):
    """Where no thread can be started, whoever flushes makes the calls, and leaves those that there is no time for."""
    monkeypatch.setattr(_handover, "_started", lambda _: None)
    made = []
    queue.put(call(made.append, "first"))
    assert not queue.flush(0.0)
    assert made == []
    assert queue.flush(60.0)
    assert made == ["first"]
