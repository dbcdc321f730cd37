"""What a measurement costs the program that records it, and what reading costs, beside the retired SDK.

Run ``python benchmarks/bench_stats.py``. One interpreter per contestant, started by turns; each measures CPU time of its own thread and
keeps the best of its rounds.

* ``count``, ``sum``, ``distribution``: a measurement map, one value, recorded with a tag map to one view.
* ``ten views``: the same to one measure that ten views count.
* ``told``: the same to a view of 100 tag sets, while an exporter is registered, which gets a copy of them.
* ``metrics exporter``: the same while the Azure metrics exporter is registered and exports once an hour; the retired SDK copies for it, too.
* ``read``: ``get_metrics()``, per series, of 10 views and of 1,000 views with 100 tag sets each: the cost must not grow with their number.

``mirrored`` is this package while a meter provider's readers see the views as instruments. OpenTelemetry's own counter and histogram are
measured for comparison. The retired SDK is that of ``LEGACY_PYTHON`` (default
``.venvs/legacy/bin/python``). Ends with 1 when a limit is not kept.
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
CALLS = 3_000
TAG_SETS = 100
READS = {"read 10 views": 10, "read 1000 views": 1000}
LIMITS = (
    ("count", "legacy", 0.35),
    ("sum", "legacy", 0.35),
    ("distribution", "legacy", 0.35),
    ("ten views", "legacy", 0.35),
    ("told", "legacy", 0.35),
    ("metrics exporter", "legacy", 0.35),
    ("count", "opentelemetry", 1.0),
    ("distribution", "opentelemetry", 0.9),
    ("read 10 views", "legacy", 0.8),
    ("read 1000 views", "legacy", 0.8),
)
MIRRORED_LIMITS = (("count", "legacy", 0.4), ("distribution", "legacy", 0.4))
FLAT = 1.2
"""Most that a series may cost among 1,000 views, as a multiple of its cost among 10."""


def best_of(call, calls, rounds=ROUNDS):
    """Return microseconds of CPU per call, of the best round."""
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        started = time.thread_time_ns()
        for _ in range(calls):
            call()
        best = min(best, (time.thread_time_ns() - started) / calls / 1000)
    return best


def census():
    """Return the costs on whichever ``opencensus`` this interpreter has."""
    from opencensus.stats import aggregation, execution_context, measure, stats_recorder, view, view_manager
    from opencensus.tags import tag_map

    def fresh():
        execution_context.clear()
        return stats_recorder.StatsRecorder(), view_manager.ViewManager()

    def tags(number=0):
        made = tag_map.TagMap()
        made.insert("route", f"/orders/{number}")
        made.insert("method", "GET")
        return made

    def recording(how, views=1, tag_sets=1, exporter=None):
        recorder, manager = fresh()
        seen = measure.MeasureFloat("seen", "d", "ms")
        for number in range(views):
            manager.register_view(view.View(f"view {number}", "d", ["route", "method"], seen, how()))
        if exporter:
            manager.register_exporter(exporter)
        each = [tags(number) for number in range(tag_sets)]

        def record(tags_of=each[0]):
            measurements = recorder.new_measurement_map()
            measurements.measure_float_put(seen, 3.5)
            measurements.record(tags_of)

        for tags_of in each:
            record(tags_of)
        return record

    def distribution():
        return aggregation.DistributionAggregation([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])

    def exporting():
        from opencensus.ext.azure.metrics_exporter import new_metrics_exporter

        key = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:9"
        return new_metrics_exporter(connection_string=key, export_interval=3600, enable_standard_metrics=False)

    class Exporter:
        def export(self, view_datas):
            self.latest = view_datas

    def reading(views):
        _, manager = fresh()
        kinds = [aggregation.CountAggregation, aggregation.SumAggregation, aggregation.LastValueAggregation, distribution]
        each = [tags(number) for number in range(TAG_SETS)]
        for number in range(views):
            seen = measure.MeasureFloat(f"seen {number}", "d", "ms")
            manager.register_view(view.View(f"view {number}", "d", ["route", "method"], seen, kinds[number % 4]()))
            # Past the public way, which takes the retired SDK minutes: it copies every series at each measurement, and looks at every view.
            (view_data,) = manager.measure_to_view_map._measure_to_view_data_list_map[seen.name]
            for tags_of in each:
                view_data.record(tags_of, 3.5, "2024-09-30T08:00:00.000000Z", None)
        now = datetime(2024, 9, 30)  # noqa: DTZ001 -- OpenCensus's times have no zone

        def read():
            for metric in manager.measure_to_view_map.get_metrics(now):
                assert len(metric.time_series) == TAG_SETS

        return read

    costs = {
        "count": best_of(recording(aggregation.CountAggregation), CALLS),
        "sum": best_of(recording(aggregation.SumAggregation), CALLS),
        "distribution": best_of(recording(distribution), CALLS),
        "ten views": best_of(recording(aggregation.CountAggregation, views=10), CALLS // 10),
        "told": best_of(recording(aggregation.CountAggregation, tag_sets=100, exporter=Exporter()), CALLS // 10),
        "metrics exporter": best_of(recording(aggregation.CountAggregation, tag_sets=100, exporter=exporting()), CALLS // 10),
    }
    for name, views in READS.items():
        read = reading(views)
        costs[name] = best_of(read, max(1, 100 // views), rounds=3) / views / TAG_SETS
        del read
    return costs


def opentelemetry():
    """Return the costs of the bare SDK's instruments."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    meter = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False).get_meter("benchmark")
    counter, histogram = meter.create_counter("count"), meter.create_histogram("distribution")
    attributes = {"route": "/orders/0", "method": "GET"}
    return {
        "count": best_of(lambda: counter.add(1, attributes), CALLS),
        "distribution": best_of(lambda: histogram.record(3.5, attributes), CALLS),
    }


def mirrored():
    """Return the costs of views that the reader of a meter provider sees as instruments."""
    from opencensus.stats import aggregation, measure, view
    from opencensus.stats.stats import stats
    from opencensus.tags import tag_map
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    import opencensus_compat

    opencensus_compat.configure(meter_provider=MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False))
    tags = tag_map.TagMap()
    tags.insert("route", "/orders/0")
    tags.insert("method", "GET")
    costs = {}
    hows = {"count": aggregation.CountAggregation(), "distribution": aggregation.DistributionAggregation([1, 2, 5, 10, 20, 50, 100])}
    for name, how in hows.items():
        seen = measure.MeasureFloat(name, "d", "ms")
        stats.view_manager.register_view(view.View(name, "d", ["route", "method"], seen, how))

        def record(seen=seen):
            measurements = stats.stats_recorder.new_measurement_map()
            measurements.measure_float_put(seen, 3.5)
            measurements.record(tags)

        costs[name] = best_of(record, CALLS)
    return costs


CONTESTANTS = {
    "mirrored": (sys.executable, mirrored),
    "legacy": (LEGACY_PYTHON, census),
    "opentelemetry": (sys.executable, opentelemetry),
    "census-compat": (sys.executable, census),
}


def run(name):
    """Measure one contestant in its own interpreter."""
    command = [CONTESTANTS[name][0], __file__, name]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main():
    """Measure by turns, print the table, and return the exit code."""
    figures = rows.by_turns(CONTESTANTS, run, TURNS)
    ours = figures["census-compat"]
    print("microseconds of CPU per measurement; of reading per series")
    rows.show(figures)
    table = rows.Rows()
    for workload, other, limit in LIMITS:
        table.ratio(workload, f"of {other}", ours[workload], figures[other][workload], limit)
    for workload, other, limit in MIRRORED_LIMITS:
        table.ratio(f"{workload}, mirrored", f"of {other}", figures["mirrored"][workload], figures[other][workload], limit)
    table.ratio("read 1000 views", "of read 10 views", ours["read 1000 views"], ours["read 10 views"], FLAT)
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(CONTESTANTS[sys.argv[1]][1]()), flush=True)
        os._exit(0)
    sys.exit(main())
