"""Queues that hand out batches, and periodic tasks."""

from __future__ import annotations

import threading

from opencensus_compat.common.schedule import PeriodicTask, Queue, QueueEvent


def test_a_mark_ends_its_batch():
    """What lies behind a mark is left for the next batch."""
    queue, mark = Queue(10), QueueEvent("mark")
    queue.puts([1, 2, mark, 3], block=False)
    assert [queue.gets(10, 0), queue.gets(10, 0), queue.gets(10, 0)] == [(1, 2, mark), (3,), ()]


def test_a_batch_waits_for_more():
    """An item that comes within the time is still in the batch."""
    queue = Queue(10)
    queue.put(1)
    waiting = threading.Timer(0.01, queue.put, [2])
    waiting.start()
    assert queue.gets(2, 60) == (1, 2)


def test_a_full_queue_drops_with_a_warning(caplog):
    """The new item is lost, the program goes on, and the line is the one that OpenCensus users know."""
    queue = Queue(1)
    queue.puts([1, 2], block=False)
    assert queue.gets(10, 0) == (1,)
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("opencensus.common.schedule", "Queue is full. Dropping telemetry.")
    ]


def test_flush_waits_for_the_taker():
    """It returns the seconds it took once the taker has set the mark."""
    queue, pause = Queue(10), threading.Event()
    queue.put(1)

    def take():
        while queue._queue.qsize() < 2:  # until the mark is behind the item
            pause.wait(0.001)
        queue.gets(10, 0)[1].set()

    taker = threading.Thread(target=take)
    taker.start()
    took_s = queue.flush(timeout=60)
    taker.join()
    assert 0 < took_s < 60


def test_flush_gives_up():
    """It returns None when nobody takes, and 0 when there is nothing to take."""
    queue = Queue(10)
    assert queue.flush(timeout=0.01) == 0
    queue.put(1)
    assert queue.flush(timeout=0.01) is None


def test_a_periodic_task_runs_until_cancelled():
    """The function is called with its arguments again and again, and no more after `cancel`."""
    calls, thrice = [], threading.Event()

    def call(*args, **kwargs):
        calls.append((args, kwargs))
        if len(calls) == 3:
            task.cancel()
            thrice.set()

    task = PeriodicTask(0.001, call, args=[1], kwargs={"k": 2}, name="periodic")
    task.start()
    assert thrice.wait(60)
    task.join(60)
    assert (calls, task.is_alive()) == ([((1,), {"k": 2})] * 3, False)
