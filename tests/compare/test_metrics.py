"""Metrics: by series, as charts show them."""

from __future__ import annotations

from opencensus_compat.compare import ROW, compare


def _points(shop, *values, counts=None):
    """Return a run that exports a metric's values one after the other."""
    run = shop(0, 0)
    run.items.clear()
    for value, count in zip(values, counts or [1] * len(values), strict=True):
        run.metric("latency", value, {"shop": "a"}, count)
    return run.items


def _found(comparison):
    return {row.column: (row.changes[0].before, row.changes[0].after, row.note) for row in comparison.differences}


def test_cumulative_to_per_interval(record, shop):
    """Where one side exports what there was since the start, and the other what there was since the last export, that is said."""
    cumulative, deltas = record(_points(shop, 4, 20, 31)), record(_points(shop, 4, 16, 11))
    assert _found(compare(cumulative, deltas)) == {
        "valueSum": ("55", "31", "cumulative → per interval"),
        "valueMax": ("31", "16", "cumulative → per interval"),
    }
    assert {note for *_, note in _found(compare(deltas, cumulative)).values()} == {"per interval → cumulative"}


def test_other_figures_have_no_note(record, shop):
    """A sum that is another one is no other kind of metric."""
    assert _found(compare(record(_points(shop, 4, 20)), record(_points(shop, 4, 21)))) == {
        "valueSum": ("24", "25", ""),
        "valueMax": ("20", "21", ""),
    }


def test_sums_of_floats(record, shop):
    """Figures that differ by less than floats hold are the same."""
    one, other = record(_points(shop, 0.1, 0.2, 0.3)), record(_points(shop, 0.3, 0.2, 0.1))
    assert compare(one, other).verdict == "equal"


def test_series_are_counted_by_their_points(record, shop):
    """A series that is gone is as many rows as it had points."""
    before = shop(0, 0)
    after = shop(1, 0)
    after.items[:] = [item for item in after.items if item["data"]["baseData"]["properties"]["shop"] != "b"]
    (gone,) = compare(record(before.arrived()), record(after.arrived())).differences
    assert (gone.table, gone.column, gone.rows, gone.of, gone.changes[0].examples) == ("customMetrics", ROW, 3, 6, ("orders",))


def test_performance_counters(record, shop):
    """What machine and clock say is not compared; which counters there are is."""

    def run(seed, *names):
        made = shop(seed, 1)
        for name in names:
            made.metric(name, made.chance.random(), {})
        return record(made.arrived())

    counters = r"\Processor(_Total)\% Processor Time", r"\Memory\Available Bytes"
    assert compare(run(0, *counters), run(1, *counters)).verdict == "equal"
    (gone,) = compare(run(0, *counters), run(1, counters[0])).differences
    assert (gone.table, gone.column, gone.changes[0].examples) == ("performanceCounters", ROW, ("Available Bytes",))
