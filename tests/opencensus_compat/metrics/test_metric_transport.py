"""The thread that exports metrics: what differs from OpenCensus, and what foreign exporters rely upon."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from opencensus_compat.metrics import transport
from opencensus_compat.metrics.export.gauge import LongGauge, Registry
from opencensus_compat.trace import execution_context


class Exporter:
    """An exporter of the old kind: keeps names and values, and lets a test wait for a call."""

    def __init__(self, failures=0):
        self.seen = []
        self.marks = []
        self.called = threading.Semaphore(0)
        self.failures = failures

    def export_metrics(self, metrics):
        """Keep what came."""
        self.seen.append([(metric.descriptor.name, metric.time_series[0].points[0].value.value) for metric in metrics])
        self.marks.append(execution_context.is_exporter())
        self.called.release()
        if self.failures:
            self.failures -= 1
            raise OSError("no route")


@pytest.fixture
def registry():
    """A registry with one gauge, whose number is 5."""
    made = Registry()
    gauge = LongGauge("queue", "", "1", [])
    gauge.get_or_create_default_time_series().set(5)
    made.add_gauge(gauge)
    return made


def test_a_failed_export_is_logged_and_tried_again(registry, caplog):
    """What an exporter raises stays in the thread, and the next interval exports again."""
    exporter = Exporter(failures=1)
    task = transport.get_exporter_thread([registry], exporter, interval=0.001)
    assert exporter.called.acquire(timeout=120)
    assert exporter.called.acquire(timeout=120)
    task.cancel()
    task.join(60)
    assert exporter.seen[:2] == [[("queue", 5)], [("queue", 5)]]
    assert set(exporter.marks) == {True}
    assert caplog.messages == ["Exporter Worker failed to export metrics; it tries again after 0.001 seconds"]
    assert caplog.records[0].exc_info[0] is OSError
    assert not execution_context.is_exporter()


def test_close_exports_once_more(registry):
    """Closing exports what came since the last time, in the caller's thread, without waiting for the interval."""
    exporter = Exporter()
    task = transport.get_exporter_thread([registry], exporter, interval=3600)
    task.close()
    task.join(60)
    assert (exporter.seen, task.is_alive()) == ([[("queue", 5)]], False)


def test_close_inside_an_exporter_stays_inside(registry):
    """The mark of an exporter that closes another one stays set."""
    execution_context.set_is_exporter(True)
    try:
        transport.PeriodicMetricTask(60, registry.get_metrics, [], {}).close()
        assert execution_context.is_exporter()
    finally:
        execution_context.set_is_exporter(False)


_PROGRAM = """
import os, sys, threading
from opencensus.metrics.export.gauge import LongGauge, Registry
from opencensus.metrics.transport import get_exporter_thread

parent = os.getpid()
registry, gauge = Registry(), LongGauge("queue", "", "1", [])
registry.add_gauge(gauge)
point = gauge.get_or_create_default_time_series()
called = threading.Event()

class Exporter:
    def export_metrics(self, metrics):
        where = "parent" if os.getpid() == parent else "child"
        values = [metric.time_series[0].points[0].value.value for metric in metrics]
        os.write(1, (where + str(values) + "\\n").encode())
        if where == "child" and values == [7]:
            called.set()

exporter = Exporter()
task = get_exporter_thread([registry], exporter, interval=float(sys.argv[1]))
"""

_CHILD = """
if "cancel" in sys.argv:
    task.cancel()
    task.join()
child = os.fork()
if child == 0:
    point.set(7)
    if "cancel" in sys.argv:
        os._exit(called.wait(0.3))
    if not task.is_alive() or task.name != "Exporter Worker":
        os._exit(1)
    if "close" in sys.argv:
        task.close()
        task.join(60)
        os._exit(task.is_alive())
    os._exit(0 if called.wait(60) else 1)
assert os.waitpid(child, 0)[1] == 0
"""


def run(program, *arguments):
    """Return the distinct lines that a program prints; it must end well and without warnings."""
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(set(done.stdout.splitlines()))


fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@fork
def test_a_forked_worker_exports_its_own():
    """The thread goes on in a child, with the child's numbers."""
    # The child's first export may come before its number does.
    assert "child[7]" in run(_PROGRAM + _CHILD, "0.05")


@fork
def test_the_task_can_be_closed_in_a_child():
    """In a child, the object that the program holds is the thread that runs there: closing it exports once more and ends it."""
    assert run(_PROGRAM + _CHILD, "3600", "close") == ["child[7]"]


@fork
def test_a_cancelled_task_stays_cancelled_in_a_child():
    """What was not running in the parent does not run in a child."""
    assert run(_PROGRAM + _CHILD, "3600", "cancel") == []


_AFTER_THE_END = """
import os, threading
import opencensus_compat
from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags.tag_map import TagMap

size = measure.MeasureInt("size", "", "1")
manager = stats.stats.view_manager
manager.register_view(view.View("sizes", "", [], size, aggregation.CountAggregation()))
manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False))
measurements = stats.stats.stats_recorder.new_measurement_map()
measurements.measure_int_put(size, 1)
measurements.record(TagMap())
opencensus_compat.shutdown()
child = os.fork()
if child == 0:
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(60)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@fork
def test_a_child_collects_nothing_after_the_end(run_program, endpoint):
    """What was shut down in the parent is not collected once more in a child, nor counted as lost there."""
    run_program(_AFTER_THE_END, stderr="", APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert [row["name"] for row in endpoint.rows("customMetrics")] == ["sizes"]


def test_the_end_of_the_process_does_not_wait():
    """As in OpenCensus nothing is exported at exit by the thread itself, and nobody waits for it."""
    assert run(_PROGRAM, "3600") == []
