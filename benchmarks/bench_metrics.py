"""What gauges and cumulatives cost the program that sets them, and what a thousand of them cost to read, beside the retired SDK.

Run ``python benchmarks/bench_metrics.py``. One interpreter per contestant, started by turns; each measures CPU time of its own thread
and keeps the best of many rounds.

* ``long set`` … ``cumulative add``: one call on a number that the program kept, as it should.
* ``find``: asking a gauge for the number of two label values that it has.
* ``read few``, ``read many``: `Registry.get_metrics` of 100 and of 1,000 gauges of 100 time series, per series. Garbage collection is part
  of it: objects are made for every series, and every so often the collector looks at all those that there are.

* ``export few``, ``export many``: reading 10 and 1,000 views of 100 tag sets and sending them to a local endpoint, per series; the retired
  exporter sends the few only.

The retired SDK is that of ``LEGACY_PYTHON`` (default ``.venvs/legacy/bin/python``). Ends with 1 when a limit is not kept.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import rows

ROOT = Path(__file__).resolve().parent.parent
LEGACY_PYTHON = os.environ.get("LEGACY_PYTHON", str(ROOT / ".venvs" / "legacy" / "bin" / "python"))
TURNS = 3
ROUNDS = 7
CALLS = 20_000
READ_ROUNDS = 3
LABEL_SETS = 100
FEW, MANY = 100, 1_000

LIMITS = {
    "long set": 1.1, "long add": 1.1, "double set": 1.1, "double add": 1.1, "cumulative set": 1.1, "cumulative add": 1.1, "find": 0.6,
    "read few": 0.9, "read many": 1.1, "export few": 0.5,
}  # fmt: skip
"""Workload -> most that ours may take of the retired SDK's time. Setting a number is a check, a lock and an assignment in both."""
EXPORTED = {"export few": 10, "export many": 1_000}
FLAT_EXPORT = 1.5
"""Most that a series of 1,000 views may cost to export, of what it costs among 10."""
FLAT = 4.0
"""Most that a series may cost among many, of what it costs among few: the collector has ten times as much to look at."""


def labels(*texts):
    """Return label values."""
    from opencensus.metrics.label_value import LabelValue

    return [LabelValue(text) for text in texts]


def workloads():
    """Return the calls on whichever ``opencensus`` this interpreter has."""
    from opencensus.metrics.export.cumulative import LongCumulative
    from opencensus.metrics.export.gauge import DoubleGauge, LongGauge
    from opencensus.metrics.label_key import LabelKey

    keys, values = [LabelKey("a", ""), LabelKey("b", "")], labels("x", "y")
    gauge = LongGauge("g", "", "1", keys)
    long, double, cumulative = (
        cls("n", "", "1", keys).get_or_create_time_series(values) for cls in (LongGauge, DoubleGauge, LongCumulative)
    )
    gauge.get_or_create_time_series(values)
    return {
        "long set": lambda: long.set(3),
        "long add": lambda: long.add(3),
        "double set": lambda: double.set(2.5),
        "double add": lambda: double.add(2.5),
        "cumulative set": lambda: cumulative.set(3),
        "cumulative add": lambda: cumulative.add(3),
        "find": lambda: gauge.get_or_create_time_series(values),
    }


def registry(gauges):
    """Return a registry with so many gauges of 100 time series."""
    from opencensus.metrics.export.gauge import LongGauge, Registry
    from opencensus.metrics.label_key import LabelKey

    made = Registry()
    for number in range(gauges):
        gauge = LongGauge(f"g{number}", "", "1", [LabelKey("a", ""), LabelKey("b", "")])
        for label in range(LABEL_SETS):
            gauge.get_or_create_time_series(labels(str(label), "y")).set(label)
        made.add_gauge(gauge)
    return made


def views(count):
    """Return the map of so many views of 100 tag sets."""
    from opencensus.stats import aggregation, execution_context, measure, view, view_manager
    from opencensus.tags import tag_map

    execution_context.clear()
    manager = view_manager.ViewManager()
    hows = [aggregation.CountAggregation, aggregation.SumAggregation, aggregation.LastValueAggregation]
    for number in range(count):
        seen = measure.MeasureFloat(f"seen {number}", "d", "ms")
        manager.register_view(view.View(f"view {number}", "d", ["route", "method"], seen, hows[number % 3]()))
        # Past the public way, which takes the retired SDK minutes.
        (view_data,) = manager.measure_to_view_map._measure_to_view_data_list_map[seen.name]
        for label in range(LABEL_SETS):
            tags = tag_map.TagMap()
            tags.insert("route", f"/orders/{label}")
            tags.insert("method", "GET")
            view_data.record(tags, 3.5, "2024-09-30T08:00:00.000000Z", None)
    return manager.measure_to_view_map


def measure():
    """Return microseconds of CPU per call, or per series read, the best round of each workload."""
    best = {}
    for name, call in workloads().items():
        for _ in range(ROUNDS):
            started = time.thread_time_ns()
            for _ in range(CALLS):
                call()
            best[name] = min(best.get(name, float("inf")), (time.thread_time_ns() - started) / CALLS / 1000)
    for name, gauges in (("read few", FEW), ("read many", MANY)):
        made = registry(gauges)
        for _ in range(READ_ROUNDS):
            gc.collect()
            started = time.thread_time_ns()
            metrics = made.get_metrics()
            spent = (time.thread_time_ns() - started) / (gauges * LABEL_SETS) / 1000
            best[name] = min(best.get(name, float("inf")), spent)
            assert len(metrics) == gauges
            del metrics
        del made
    best.update(exports(["export few"] if os.environ["LEGACY"] else EXPORTED))
    return best


def exports(wanted):
    """Return what reading and sending costs."""
    from opencensus.ext.azure.metrics_exporter import MetricsExporter

    best, now = {}, datetime(2024, 9, 30)  # noqa: DTZ001 -- OpenCensus's times have no zone
    exporter = MetricsExporter(enable_local_storage=False)
    for name in wanted:
        made = views(EXPORTED[name])
        for _ in range(READ_ROUNDS):
            gc.collect()
            started = time.process_time_ns()
            exporter.export_metrics(made.get_metrics(now))
            spent = (time.process_time_ns() - started) / (EXPORTED[name] * LABEL_SETS) / 1000
            best[name] = min(best.get(name, float("inf")), spent)
    return best


def run(name, python, connection_string):
    """Measure one contestant in its own interpreter."""
    variables = {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": connection_string,
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        "LEGACY": "yes" if name == "legacy" else "",
    }
    command = [python, __file__, "measure"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **variables}).stdout)


def main():
    """Measure by turns, print the table, and return the exit code."""
    from opencensus_compat.local import LocalEndpoint

    def turn(name):
        with LocalEndpoint(store=False) as endpoint:
            return run(name, LEGACY_PYTHON if name == "legacy" else sys.executable, endpoint.connection_string)

    figures = rows.by_turns(("legacy", "census-compat"), turn, TURNS)
    print("microseconds of CPU per call, or per time series read, best of", TURNS * ROUNDS, "rounds")
    rows.show(figures, digits=3)
    ours, table = figures["census-compat"], rows.Rows()
    table.of_legacy(figures, LIMITS)
    table.ratio("read many", "of read few", ours["read many"], ours["read few"], FLAT)
    table.ratio("export many", "of export few", ours["export many"], ours["export few"], FLAT_EXPORT)
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        json.dump(measure(), sys.stdout)
        sys.exit(0)
    sys.exit(main())
