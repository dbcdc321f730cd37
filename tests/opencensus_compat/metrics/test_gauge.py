"""Gauges, cumulatives and registries: what differs from OpenCensus. That the rest is the same, `tests/parity` shows call by call."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
from datetime import datetime

import pytest

from opencensus_compat.metrics.export.cumulative import DerivedLongCumulative, LongCumulative
from opencensus_compat.metrics.export.gauge import DerivedDoubleGauge, DerivedLongGauge, DoubleGauge, LongGauge, Registry
from opencensus_compat.metrics.label_key import LabelKey
from opencensus_compat.metrics.label_value import LabelValue

NOW = datetime(2024, 9, 30, 9)  # noqa: DTZ001 -- OpenCensus's times have no zone
OVERFLOW = "otel.metric.overflow"


def gauge(cls=LongGauge, labels=1):
    """Return a gauge."""
    return cls("queue", "length", "1", [LabelKey(f"k{index}", "") for index in range(labels)])


def label(*texts):
    """Return label values."""
    return [LabelValue(text) for text in texts]


def numbers(metric):
    """Return label values and number of each series of a metric."""
    return {
        tuple(None if value is None else value.value for value in series.label_values): series.points[0].value.value
        for series in metric.time_series
    }


@pytest.fixture
def three_series(monkeypatch):
    """No metric has more than three time series."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_MAX_TAG_SETS", "3")


@pytest.mark.usefixtures("three_series")
@pytest.mark.parametrize("cls", [LongGauge, DoubleGauge, LongCumulative])
def test_label_values_beyond_the_limit_share_one_series(cls, caplog):
    """What is added for further label values is kept in one series, counted, and said once; known label values go on."""
    it = gauge(cls, labels=2)
    for number in range(10):
        it.get_or_create_time_series(label(str(number), "x")).add(number)
    for number in range(3):
        it.get_or_create_time_series(label(str(number), "x")).add(100)
    it.get_or_create_default_time_series().set(7)
    assert numbers(it.get_metric(NOW)) == {
        ("0", "x"): 100, ("1", "x"): 101, ("2", "x"): 102, (OVERFLOW, OVERFLOW): 3 + 4 + 5 + 6 + 7 + 8 + 9, (None, None): 7,
    }  # fmt: skip
    assert it.get_or_create_time_series(label("9", "x")).get_value() == 42
    assert it._overflowed == 8
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages[0] == (
        "The metric 'queue' has 3 time series, as many as OPENCENSUS_COMPAT_MAX_TAG_SETS allows: further label values are lost from now on; "
        "what is set and added for them is kept under 'otel.metric.overflow', functions are not called"
    )


@pytest.mark.usefixtures("three_series")
def test_removed_series_make_room(caplog):
    """The limit is on the series that there are, not on those that there ever were."""
    it = gauge()
    for number in range(50):
        it.get_or_create_time_series(label(str(number))).set(number)
        it.remove_time_series(label(str(number)))
    it.get_or_create_time_series(label("a")).set(1)
    assert numbers(it.get_metric(NOW)) == {("a",): 1}
    assert caplog.records == []


@pytest.mark.usefixtures("three_series")
def test_functions_beyond_the_limit_are_not_exported(caplog):
    """A further function can be asked by the number that is returned, and is in no metric; the default series always has room."""
    it = gauge(DerivedLongGauge)
    points = [it.create_time_series(label(str(number)), answer, number=number) for number in range(5)]
    it.create_default_time_series(answer)
    assert numbers(it.get_metric(NOW)) == {("0",): 0, ("1",): 1, ("2",): 2, (None,): 0}
    assert [point.get_value() for point in points] == [0, 1, 2, 3, 4]
    assert (it._overflowed, len(caplog.records)) == (2, 1)


def answer(number=0):
    """A function for derived gauges."""
    return number


@pytest.mark.parametrize("text", ["many", "-1", "0", "1.5"])
def test_a_limit_that_is_no_number_is_said_when_a_gauge_is_made(text, monkeypatch):
    """A bad setting is an error early, naming the variable."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_MAX_TAG_SETS", text)
    with pytest.raises(ValueError, match="OPENCENSUS_COMPAT_MAX_TAG_SETS"):
        gauge()


def test_one_failing_function_costs_one_series(caplog):
    """What a function raises, or returns that is no number, is said in the log, and the other series are exported."""
    it = gauge(DerivedLongGauge)

    def fail():
        raise OSError("no sensor")

    it.create_time_series(label("good"), answer)
    it.create_time_series(label("bad"), fail)
    it.create_time_series(label("text"), str)
    assert numbers(it.get_metric(NOW)) == {("good",): 0}
    assert numbers(it.get_metric(NOW)) == {("good",): 0}
    message = caplog.messages[0]
    assert message.startswith(
        "the function of a derived metric failed, so that its time series is missing: OSError('no sensor') in Derived"
    )
    assert message.endswith("(said once)")
    assert len(caplog.messages) == 1


def test_a_function_may_work_on_its_own_gauge():
    """Functions are called without a lock: one that makes or removes series, or reads the registry, neither blocks nor fails."""
    it, registry = gauge(DerivedLongGauge), Registry()
    registry.add_gauge(it)

    def more():
        it.create_time_series(label("b"), answer, number=2)
        it.remove_time_series(label("c"))
        return 1

    it.create_time_series(label("a"), more)
    it.create_time_series(label("c"), answer)
    done = threading.Event()
    thread = threading.Thread(target=lambda: (registry.get_metrics(), done.set()), daemon=True)
    thread.start()
    assert done.wait(60)
    thread.join(60)
    assert numbers(it.get_metric(NOW)) == {("a",): 1, ("b",): 2}


def test_numbers_may_be_set_where_garbage_is_collected():
    """A finalizer that runs in the midst of an addition can record, too."""
    it = gauge()
    point = it.get_or_create_time_series(label("a"))

    class Recording(int):
        """A number that records while it is added."""

        def __radd__(self, other):
            it.get_or_create_time_series(label("b")).add(1)
            return int(other) + int(self)

    point.add(Recording(5))
    assert numbers(it.get_metric(NOW)) == {("a",): 5, ("b",): 1}


def test_a_cumulative_never_falls_in_threads():
    """Of what several threads set, the most stays."""
    point = gauge(LongCumulative, 0).get_or_create_default_time_series()

    def climb(step):
        for number in range(0, 3000, step):
            point.set(number)

    threads = [threading.Thread(target=climb, args=(step,)) for step in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert point.get_value() == 2999


def test_a_cumulative_reading_that_falls_keeps_the_most():
    """A function that starts again from 0 does not turn the cumulative back."""
    readings = [5, 3, 8]

    def read():
        return readings.pop(0)

    it = gauge(DerivedLongCumulative, 0)
    it.create_default_time_series(read)
    assert [numbers(it.get_metric(NOW)) for _ in range(3)] == [{(): 5}, {(): 5}, {(): 8}]


def test_what_belongs_to_a_gauge_that_is_gone_is_freed():
    """A derived gauge keeps neither the object whose method it calls nor the object's data."""

    class Pool:
        """Something to be freed."""

        def size(self):
            """Tell a number."""
            return 3

    pool, it = Pool(), gauge(DerivedDoubleGauge, 0)
    it.create_default_time_series(pool.size)
    assert numbers(it.get_metric(NOW)) == {(): 3.0}
    del pool
    gc.collect()
    assert it.get_metric(NOW).time_series[0].points[0].value is None


def test_a_registry_can_be_read_while_gauges_are_added():
    """Reading takes a copy: adding in another thread neither fails nor blocks."""
    registry, failures = Registry(), []

    def add():
        try:
            for number in range(300):
                it = LongGauge(f"g{number}", "", "1", [])
                it.get_or_create_default_time_series().set(number)
                registry.add_gauge(it)
        except Exception as error:  # noqa: BLE001 -- what must not be
            failures.append(error)

    thread = threading.Thread(target=add)
    thread.start()
    while thread.is_alive():
        registry.get_metrics()
    assert failures == []
    assert len(registry.get_metrics()) == 300


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gauge().get_or_create_time_series(None), "queue: label_values: expected a list of LabelValue, got None"),
        (
            lambda: gauge().get_or_create_time_series(label("a", "b")),
            "queue: label_values: expected 1 LabelValue, got [LabelValue(a), LabelValue(b)]",
        ),
        (lambda: gauge().get_or_create_time_series(label("a")).add(1.5), "GaugePointLong only supports integer types, got 1.5"),
        (lambda: gauge(DerivedLongGauge).create_time_series(label("a"), None), "queue: func: expected a function, got None"),
    ],
    ids=["none", "many", "fraction", "function"],
)
def test_errors_tell_what_was_expected(call, message):
    """A mistake in the program is told with the metric's name, what was expected and what came."""
    with pytest.raises(ValueError, match="got") as raised:
        call()
    assert str(raised.value) == message


_FORK = """
import os, threading
from opencensus_compat.metrics.export.gauge import LongGauge

point = LongGauge("g", "", "1", []).get_or_create_default_time_series()
stop = threading.Event()

def work():
    while not stop.is_set():
        point.add(1)

threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(40):
    child = os.fork()
    if child == 0:
        before = point.get_value()
        point.add(1)
        os._exit(0 if point.get_value() == before + 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads:
    thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_made_while_others_add_can_add():
    """No child waits for a thread of its parent."""
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", _FORK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.INFO)


def test_a_series_without_label_values_can_be_shown():
    """The text of a gauge's default series says None for its labels."""
    it = gauge(labels=2)
    it.get_or_create_default_time_series().set(3)
    assert (
        repr(it.get_metric(NOW).time_series[0])
        == "TimeSeries([ValueLong(3)], label_values=(None, None), start_timestamp=2024-09-30 09:00:00)"
    )
