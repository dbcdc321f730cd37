"""Exporting metrics at intervals, in a thread."""

from __future__ import annotations

import itertools
import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.process import restart_in_child
from opencensus_compat._bridge.providers.metrics import look_for_meter_provider
from opencensus_compat._bridge.providers.viewers import show_with
from opencensus_compat.common import utils
from opencensus_compat.common.schedule import PeriodicTask
from opencensus_compat.metrics import _feed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opencensus_compat._bridge.providers.instruments import Instruments
    from opencensus_compat.metrics._instruments import ProducerInstruments
    from opencensus_compat.metrics.export.metric_producer import MetricProducer

logger = logging.getLogger("opencensus.metrics.transport")

DEFAULT_INTERVAL = 60
"""Seconds between two exports."""
GRACE_PERIOD = 5
"""Seconds. OpenCensus never used it."""


class TransportError(Exception):
    """There is nothing to export any more: a producer or the exporter is gone."""


class PeriodicMetricTask(PeriodicTask):
    """A daemon thread that calls a function at intervals; `start` it, `cancel` it, or `close` it with one last call.

    What the function raises is logged; `TransportError` ends the thread, anything else is tried again after the interval. While the
    function runs, `execution_context.is_exporter()` tells integrations not to trace what it does.

    A process made by fork goes on calling, in a thread of its own that starts with a full interval: a server that loads the application
    before it forks its workers exports their metrics. (OpenCensus exported nothing in such workers.)

    Nothing is called at the end of the process unless `close` is. As in OpenCensus: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/metrics/transport.py#L87-L95

    Args:
        interval: Seconds between two calls; None means `DEFAULT_INTERVAL`.
        function: What to call.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        name: Whose thread it is, for the thread's name.
    """

    daemon = True

    def __init__(
        self,
        interval: float | None = None,
        function: Callable[..., Any] | None = None,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.func = function
        super().__init__(DEFAULT_INTERVAL if interval is None else interval, self._call, args, kwargs, f"{name} Worker")

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.func(*args, **kwargs)  # type: ignore[misc]  # without a function there is a TypeError in the log
        except TransportError:
            logger.exception("%s stops", self.name)
            self.cancel()
        except _exporter.failure():
            logger.exception("%s failed to export metrics; it tries again after %s seconds", self.name, self.interval)
        return None

    def run(self) -> None:
        """Wait and call until `cancel`."""
        _tasks.add(self)
        _exporter.end_with_interpreter(self)
        _exporter.wait_for_at_end(self)
        _context.exporting.set(_context.Exporting.PROGRAM)
        super().run()

    def cancel(self) -> None:
        """Make no further call, and none in processes made by fork from now on; a call that is running is not interrupted."""
        _tasks.discard(self)
        super().cancel()

    def end_threads(self) -> None:
        """Let the thread end, as the interpreter does: its metrics are exported for the last time by then."""
        self.finished.set()

    def close(self) -> None:
        """Call once more, in the caller's thread, and then no more. What the function raises is logged."""
        with _context.as_exporter(_context.Exporting.PROGRAM):
            try:
                self.func(*self.args, **self.kwargs)  # type: ignore[misc]  # the same
            except _exporter.failure():
                logger.exception("%s failed to export metrics for the last time", self.name)
        self.cancel()

    def _start_in_child(self) -> None:
        """Start anew, under the same name, in a process that has a copy of this object but not the thread."""
        threading.Thread.__init__(self, name=self.name, daemon=self.daemon)
        self.finished = threading.Event()
        self.start()


def get_exporter_thread(metric_producers: Iterable[MetricProducer], exporter: Any, interval: float | None = None) -> PeriodicMetricTask:
    """Return a running thread that reads metrics of producers and hands them to an exporter, at intervals.

    Producers and exporter are held weakly: when one of them is gone, the thread says so in the log and ends.

    Args:
        metric_producers: What is read, in this order: any objects with `get_metrics`.
        exporter: Any object with `export_metrics`, which takes an iterator over the metrics of all of them. For this package's own the
            thread of its resource does that, if it has the same interval.
        interval: Seconds between two exports; None means `DEFAULT_INTERVAL`.
    """
    producers = list(metric_producers)
    ours: PeriodicMetricTask | None = exporter._task(producers, interval) if _handles.is_own(exporter, _handles.MetricHandle) else None
    weak_gets = [] if ours is not None else [utils.get_weakref(producer.get_metrics) for producer in producers]
    for producer in producers:
        _mirror(producer)
    if ours is not None:
        ours.start()
        return ours
    weak_export = utils.get_weakref(exporter.export_metrics)

    def export_all() -> None:
        produced = [_alive(weak_get, "producer")() for weak_get in weak_gets]
        _alive(weak_export, "exporter")(itertools.chain.from_iterable(produced))

    task = PeriodicMetricTask(interval, export_all, name=type(exporter).__name__)
    _context.in_empty_context(task.start)
    return task


def _mirror(producer: MetricProducer) -> None:
    """Show the metrics of a producer that is exported to the application's meter provider, too."""
    if not _handles.is_own(producer, _handles.WithoutInstruments):
        look_for_meter_provider()
        _feed.producers.add(producer)


def _alive(reference: weakref.ref[Callable[..., Any]], what: str) -> Callable[..., Any]:
    function = reference()
    if function is None:
        raise TransportError(f"Metric {what} is not available: it is gone")
    return function


class _Tasks(weakref.WeakSet["PeriodicMetricTask"]):
    """Those that run."""

    def restart(self) -> None:
        """Start them in a child made by fork."""
        for task in list(self):
            # The thread that forked is there in the child, under the same object.
            if task is not threading.current_thread():
                task._start_in_child()


_tasks = _Tasks()
# They ask a part for its reader, which has to have free locks by then.
restart_in_child(_tasks, last=True)


def _producer_instruments(instruments: Instruments) -> ProducerInstruments:
    from opencensus_compat.metrics._instruments import ProducerInstruments

    return ProducerInstruments(instruments)


show_with("producers", _producer_instruments)
