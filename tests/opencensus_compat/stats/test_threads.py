"""Threads, processes and finalizers record at the same time."""

from __future__ import annotations

import gc
import sys
import threading

import pytest

from opencensus_compat.stats import aggregation

THREADS, CALLS, ROUTES = 4, 1500, 50


@pytest.fixture
def hasty():
    """Threads that take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _together(*targets):
    failures = []

    def run(target):
        try:
            target()
        except Exception as error:  # noqa: BLE001 -- whatever a thread raises is a failure of the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=[target]) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_no_measurement_is_lost(census, hasty):
    """Four threads record into the same series while they are read; every measurement is there, and no read sees half of one."""
    census.view("count", census.broken, aggregation.CountAggregation())
    census.view("sum", census.broken, aggregation.SumAggregation())
    census.spread()
    running = threading.Event()
    reads = []

    def record():
        for number in range(CALLS):
            census.record(census.broken, 3.0, route=str(number % ROUTES))

    def read():
        while not running.is_set():
            # A distribution whose buckets disagree with its count cannot be made into a point.
            reads.extend([len(metric.time_series) for metric in census.map.get_metrics(None)])
            census.manager.get_view("spread")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        _together(*[record] * THREADS)
    finally:
        running.set()
        reader.join()
    each = THREADS * CALLS // ROUTES
    assert max(reads) == ROUTES
    assert {data.count_data for data in census.series("count").values()} == {each}
    assert {data.sum_data for data in census.series("sum").values()} == {each * 3.0}
    assert {(data.count_data, data.sum, *data.counts_per_bucket) for data in census.series("spread").values()} == {
        (each, each * 3.0, 0, 0, each, 0)
    }
    assert census.map._failures == {}


def test_views_are_registered_while_others_record(census, hasty):
    """Registering views in several threads loses none, and disturbs nobody who records."""
    census.count()

    def register(prefix):
        for number in range(100):
            census.view(f"{prefix}{number}", census.whole, aggregation.CountAggregation())

    def record():
        for _ in range(300):
            census.record(census.whole, 1, route="/a")

    _together(lambda: register("a"), lambda: register("b"), record)
    assert census.counts() == {("/a",): 300}
    assert len(census.map._view_datas()) == 201


def test_a_finalizer_records(census):
    """A measurement that a finalizer records in the midst of another one on its thread neither waits for it nor gets lost."""
    census.count()

    class Counting(aggregation.CountAggregation):
        def new_aggregation_data(self, measure=None):
            gc.collect()
            return super().new_aggregation_data(measure)

    census.view("collecting", census.whole, Counting())

    class Ending:
        def __del__(self):
            census.record(census.whole, 1)

    ending = Ending()
    ending.self = ending
    del ending
    census.record(census.whole, 1)
    assert (census.counts("count"), census.counts("collecting")) == ({(None,): 2}, {(None,): 2})


FORK = """
import os, signal, threading
from opencensus.stats import aggregation, measure, stats, view

signal.alarm(110)  # what waits for ever, ends
inside, leave = threading.Event(), threading.Event()
main = threading.get_ident()

class Slow(aggregation.CountAggregation):
    def new_aggregation_data(self, measure=None):
        if threading.get_ident() != main:
            inside.set()
            leave.wait()
        return super().new_aggregation_data(measure)

seen = measure.MeasureInt("seen", "d")
stats.stats.view_manager.register_view(view.View("slow", "d", [], seen, Slow()))
stats.stats.view_manager.register_view(view.View("count", "d", [], seen, aggregation.CountAggregation()))

def record():
    measurements = stats.stats.stats_recorder.new_measurement_map()
    measurements.measure_int_put(seen, 1)
    measurements.record({tags})

os.register_at_fork(before=leave.set)  # runs before what was registered earlier
thread = threading.Thread(target=record)
thread.start()
inside.wait()
child = os.fork()
record()
if not child:
    print(stats.stats.view_manager.get_view("slow").tag_value_aggregation_data_map, flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
thread.join()
print(stats.stats.view_manager.get_view("count").tag_value_aggregation_data_map)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_process_made_while_another_thread_records(run_program):
    """A child that was forked in the midst of another thread's measurement can record, and has that measurement."""
    printed = run_program(FORK.replace("{tags}", ""), options=("-W", "ignore"))
    assert printed == "{(): CountAggregationData(2)}\n{(): CountAggregationData(2)}\n"
