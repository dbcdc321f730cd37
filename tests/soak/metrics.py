"""``make soak`` also runs this: a program that measures without pause, and exports the whole time.

Views of all kinds, gauges and the standard metrics, tag values that are different each time (which the limit of tag sets has to hold), a
second reader that sees the views as OpenTelemetry instruments, and a local endpoint. What must hold, all of it printed:

* the program's memory does not grow after the first tenth;
* each export sends as many items as the one before it;
* every measurement is in the totals that arrive last, those beyond the limit in one series;
* nothing is lost on the way.

``--seconds`` is how long (an hour's worth of exports in ten minutes, without it), ``--interval`` the time between two exports. Ends with 1
when something does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import psutil

from opencensus_compat.local import LocalEndpoint

LIMIT = 200
"""Tag sets of a view."""
MAX_GROWTH_MIB = 8.0
MIB = 2**20
PAUSE_S = 0.001


def program(seconds, interval_s):
    """Measure and export for so long; a line of JSON for each interval."""
    from opencensus.ext.azure.metrics_exporter import new_metrics_exporter
    from opencensus.metrics import transport
    from opencensus.metrics.export.gauge import DerivedLongGauge, LongGauge, Registry
    from opencensus.metrics.label_key import LabelKey
    from opencensus.metrics.label_value import LabelValue
    from opencensus.stats import aggregation, measure, view
    from opencensus.stats.stats import stats
    from opencensus.tags.tag_map import TagMap
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    import opencensus_compat

    reader = InMemoryMetricReader()
    opencensus_compat.configure(meter_provider=MeterProvider([reader]))
    exporter = new_metrics_exporter(export_interval=interval_s)
    seen = measure.MeasureFloat("seen", "d", "ms")
    hows = {
        "count": aggregation.CountAggregation(),
        "sum": aggregation.SumAggregation(),
        "last": aggregation.LastValueAggregation(),
        "spread": aggregation.DistributionAggregation([1, 5, 10]),
    }
    for name, how in hows.items():
        stats.view_manager.register_view(view.View(name, "d", ["user"], seen, how))
    gauge = LongGauge("queue", "d", "1", [LabelKey("user", "")])
    derived, function = DerivedLongGauge("workers", "d", "1", []), lambda: 3
    derived.create_default_time_series(function)
    registry = Registry()
    for each in (gauge, derived):
        registry.add_gauge(each)
    transport.get_exporter_thread([registry], exporter, interval=interval_s)
    process, recorded = psutil.Process(), 0
    started_s = told_s = time.monotonic()
    while time.monotonic() - started_s < seconds:
        for _ in range(10):
            measurements, tags = stats.stats_recorder.new_measurement_map(), TagMap()
            tags.insert("user", f"user {recorded}")
            measurements.measure_float_put(seen, recorded % 12)
            measurements.record(tags)
            gauge.get_or_create_time_series([LabelValue(f"user {recorded}")]).set(recorded)
            recorded += 1
        time.sleep(PAUSE_S)
        if time.monotonic() - told_s >= interval_s:
            told_s = time.monotonic()
            reader.get_metrics_data()
            print(json.dumps({"recorded": recorded, "rss": process.memory_info().rss / MIB}), flush=True)
    assert opencensus_compat.flush(30.0)
    counts = exporter._pipeline.exporter.counts.snapshot()
    print(json.dumps({"recorded": recorded, "rss": process.memory_info().rss / MIB, "dropped": sum(counts.dropped.values())}), flush=True)
    # While the registry, which exporters hold weakly, is still there.
    opencensus_compat.shutdown(30.0)


def exports(endpoint):
    """Return the items of each export of the views, by their time."""
    found = {}
    for envelope in endpoint.envelopes():
        (point,) = envelope["data"]["baseData"]["metrics"]
        if point["name"] == "count":
            found.setdefault(envelope["time"], []).append((point["value"], envelope["data"]["baseData"]["properties"]["user"]))
    return [found[moment] for moment in sorted(found)]


def main():
    """Run the program, print the figures, and return whether all holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="how long")
    parser.add_argument("--interval", type=float, default=2.5, help="seconds between two exports")
    parser.add_argument("--program", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.program:
        program(asked.seconds, asked.interval)
        return True
    with tempfile.TemporaryDirectory() as folder, LocalEndpoint() as endpoint:
        command = [sys.executable, __file__, "--program", "--seconds", str(asked.seconds), "--interval", str(asked.interval)]
        variables = {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
            "OPENCENSUS_COMPAT_MAX_TAG_SETS": str(LIMIT),
            "TMPDIR": folder,
        }
        done = subprocess.run(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, check=True)
        samples = [json.loads(line) for line in done.stdout.splitlines()]
        return report(samples, exports(endpoint), endpoint)


def report(samples, exported, endpoint):
    """Print the figures and return whether all holds."""
    settled, last = samples[max(1, len(samples) // 10) :], samples[-1]
    growth_mib = max(sample["rss"] for sample in settled) - settled[0]["rss"]
    total = sum(value for value, _ in exported[-1])
    beyond = {user: value for value, user in exported[-1]}["otel.metric.overflow"]
    sizes = {len(series) for series in exported[1:]}
    print(f"recorded: {last['recorded']:,} measurements in 4 views, {len(exported)} exports, {endpoint.accepted:,} items")
    print(f"  memory: {samples[0]['rss']:.1f} MiB at first, {settled[0]['rss']:.1f} after a tenth, {last['rss']:.1f} at the end")
    checks = {
        f"memory grew by {growth_mib:.1f} MiB, limit {MAX_GROWTH_MIB:g}": growth_mib <= MAX_GROWTH_MIB,
        f"series of a view in each export: {sorted(sizes)}, limit {LIMIT} and one": sizes == {LIMIT + 1},
        f"in the last totals: {total:,} of {last['recorded']:,}, {beyond:,} beyond the limit": total == last["recorded"],
        f"lost: {last['dropped']}": last["dropped"] == 0,
    }
    for title, holds in checks.items():
        print(f"  {title}: {'ok' if holds else 'MISSED'}")
    return all(checks.values())


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
