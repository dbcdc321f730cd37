from opencensus.ext.azure import metrics_exporter
from opencensus.stats.aggregation import CountAggregation, SumAggregation
from opencensus.stats.measure import MeasureInt
from opencensus.stats.stats import stats
from opencensus.stats.view import View
from opencensus.tags.tag_map import TagMap

stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))
MEASURES = {
    "orders": MeasureInt("orders", "number of orders"),
    "items": MeasureInt("items", "number of items"),
}
COUNT = MeasureInt("count", "number of calls")
VIEWS = [
    View("orders", "number of orders", ["shop"], MEASURES["orders"], SumAggregation()),
    View("items", "number of items", ["shop"], MEASURES["items"], SumAggregation()),
    View("count", "number of calls", [], COUNT, CountAggregation()),
]
for view in VIEWS:
    stats.view_manager.register_view(view)


def record(name, value):
    tmap = TagMap()
    tmap.insert("shop", "berlin")
    mmap = stats.stats_recorder.new_measurement_map()
    mmap.measure_int_put(MEASURES[name], value)
    mmap.measure_int_put(COUNT, 1)
    mmap.record(tmap)


record("orders", 1)
record("items", 3)
