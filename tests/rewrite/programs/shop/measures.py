"""What the shop measures."""

from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_key, tag_map, tag_value

COUNTRY = tag_key.TagKey("country")

order_size = measure_module.MeasureInt("order_size", "pieces in an order", "1")
orders = view_module.View("orders", "orders taken", [COUNTRY], order_size, aggregation_module.CountAggregation())
pieces = view_module.View("pieces", "pieces ordered", [COUNTRY], order_size, aggregation_module.SumAggregation())

stats = stats_module.stats
stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=3600))
stats.view_manager.register_view(orders)
stats.view_manager.register_view(pieces)


def count_order(size, country):
    """Count an order."""
    tags = tag_map.TagMap()
    tags.insert(COUNTRY, tag_value.TagValue(country))
    measurements = stats.stats_recorder.new_measurement_map()
    measurements.measure_int_put(order_size, size)
    measurements.record(tags)
