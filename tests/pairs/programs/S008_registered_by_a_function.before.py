from opencensus.ext.azure import metrics_exporter
from opencensus.stats.aggregation import CountAggregation, SumAggregation
from opencensus.stats.measure import MeasureInt
from opencensus.stats.stats import stats
from opencensus.stats.view import View

ORDERS = MeasureInt("orders", "number of orders")
ITEMS = MeasureInt("items", "number of items")
ORDERS_VIEW = View("orders", "number of orders", [], ORDERS, CountAggregation())
ITEMS_VIEW = View("items", "number of items", [], ITEMS, SumAggregation())


def register(view):
    """Let a view be exported."""
    view_manager = stats.view_manager
    view_manager.register_view(view)


register(ORDERS_VIEW)
register(ITEMS_VIEW)
stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))
mmap = stats.stats_recorder.new_measurement_map()
mmap.measure_int_put(ORDERS, 1)
mmap.measure_int_put(ITEMS, 3)
mmap.record()
