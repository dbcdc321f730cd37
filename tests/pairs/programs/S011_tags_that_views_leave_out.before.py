from opencensus.ext.azure import metrics_exporter
from opencensus.stats.aggregation import CountAggregation, SumAggregation
from opencensus.stats.measure import MeasureInt
from opencensus.stats.stats import stats
from opencensus.stats.view import View
from opencensus.tags.tag_map import TagMap

ORDERS = MeasureInt("orders", "number of orders")
ITEMS = MeasureInt("items", "number of items")
PRICES = MeasureInt("prices", "sum of prices")
for view in [
    View("orders", "number of orders", [], ORDERS, CountAggregation()),
    View("items", "number of items", ["shop"], ITEMS, SumAggregation()),
    View("prices", "sum of prices", ["shop", "country"], PRICES, SumAggregation()),
]:
    stats.view_manager.register_view(view)
stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))


def ordered(user, items, price):
    tmap = TagMap()
    tmap.insert("country", "de")
    tmap.insert("shop", "berlin")
    tmap.insert("user", user)
    mmap = stats.stats_recorder.new_measurement_map()
    mmap.measure_int_put(ORDERS, 1)
    mmap.measure_int_put(ITEMS, items)
    mmap.measure_int_put(PRICES, price)
    mmap.record(tmap)


def returned(key, items):
    tags = TagMap()
    tags.insert(key, "paris")
    mmap = stats.stats_recorder.new_measurement_map()
    mmap.measure_int_put(ITEMS, items)
    mmap.record(tags)


ordered("anna", 2, 30)
ordered("bert", 5, 12)
returned("shop", 1)
returned("reason", 4)
