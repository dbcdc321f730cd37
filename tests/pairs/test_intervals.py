"""Metrics over several intervals: the facade sends a series in the intervals in which OpenTelemetry code sends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from opencensus_compat.compare import compare
from opencensus_compat.rewrite.rewriting import Options, rewrite_text

_PROGRAM = """\
from opencensus.ext.azure.metrics_exporter import MetricsExporter, new_metrics_exporter
from opencensus.metrics.export.cumulative import DerivedLongCumulative, DoubleCumulative, LongCumulative
from opencensus.metrics.export.gauge import DerivedLongGauge, LongGauge, Registry
from opencensus.metrics.transport import get_exporter_thread
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags.tag_map import TagMap

from flushing import flush

ORDERS = measure.MeasureInt("orders", "orders", "1")
COUNT = view.View("count", "orders", ["shop"], ORDERS, aggregation.CountAggregation())
SUM = view.View("sum", "orders", ["shop"], ORDERS, aggregation.SumAggregation())
LAST = view.View("last", "orders", ["shop"], ORDERS, aggregation.LastValueAggregation())
SIZES = view.View("sizes", "orders", ["shop"], ORDERS, aggregation.DistributionAggregation([1, 5]))
EXPORTER = new_metrics_exporter(enable_standard_metrics=False)
stats.stats.view_manager.register_exporter(EXPORTER)
stats.stats.view_manager.register_view(COUNT)
stats.stats.view_manager.register_view(SUM)
stats.stats.view_manager.register_view(LAST)
stats.stats.view_manager.register_view(SIZES)

REGISTRY = Registry()
SENT = LongCumulative("sent", "letters", "1", [])
WEIGHT = DoubleCumulative("weight", "letters", "g", [])
OPEN = LongGauge("open", "letters", "1", [])
REGISTRY.add_gauge(SENT)
REGISTRY.add_gauge(WEIGHT)
REGISTRY.add_gauge(OPEN)


class Post:
    letters = 3

    def sent(self):
        return self.letters


post = Post()
KNOWN = DerivedLongGauge("known", "letters", "1", [])
KNOWN.create_default_time_series(post.sent)
REGISTRY.add_gauge(KNOWN)
READ = DerivedLongCumulative("read", "letters", "1", [])
READ.create_default_time_series(post.sent)
REGISTRY.add_gauge(READ)
get_exporter_thread([REGISTRY], MetricsExporter(), interval=15)
sent = SENT.get_or_create_default_time_series()
weight = WEIGHT.get_or_create_default_time_series()
to_open = OPEN.get_or_create_default_time_series()


def put(shop):
    measured = stats.stats.stats_recorder.new_measurement_map()
    tags = TagMap()
    tags.insert("shop", shop)
    measured.measure_int_put(ORDERS, 7)
    measured.record(tags)


to_open.set(5)
flush()
put("berlin")
sent.add(1)
weight.add(2.5)
flush()
flush()
put("berlin")
put("paris")
to_open.set(6)
weight.add(1.5)
post.letters = 9
flush()
"""
_FLUSHING = {
    "before": "from opencensus_compat import flush\n",
    "after": "from opentelemetry.metrics import get_meter_provider\n\n\ndef flush():\n    get_meter_provider().force_flush()\n",
}


def _program(folder: Path, side: str, text: bytes) -> Path:
    (folder / side).mkdir()
    (folder / side / "app.py").write_bytes(text)
    (folder / side / "flushing.py").write_text(_FLUSHING[side], encoding="utf-8")
    return folder / side


@pytest.mark.usefixtures("service")
def test_order_metrics_over_intervals(record, tmp_path):
    """Of each interval the same arrives, also of those in which nothing was added, nothing was measured, and nothing is left to read."""
    result = rewrite_text(_PROGRAM.encode(), "app.py", Options(shape=True))
    assert result.left == []
    before = record(_program(tmp_path, "before", _PROGRAM.encode()))
    after = record(_program(tmp_path, "after", result.after["app.py"]))
    found = compare(before, after)
    assert [(table.before, table.after) for table in found.tables] == [(33, 33)]
    assert not found.problems
    assert not [f"{lost.table}.{lost.column}: {lost.changes[0]}" for lost in found.open_differences]
