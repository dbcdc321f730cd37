from opencensus.ext.azure.metrics_exporter import new_metrics_exporter
from opencensus.stats.aggregation import SumAggregation
from opencensus.stats.measure import MeasureFloat
from opencensus.stats.stats import stats
from opencensus.stats.view import View
from opencensus.tags.tag_key import TagKey
from opencensus.tags.tag_map import TagMap
from opencensus.tags.tag_value import TagValue

KEY = TagKey("shop")
REVENUE = MeasureFloat("revenue", "what was paid", "EUR")


def record(amount, shop):
    mmap = stats.stats_recorder.new_measurement_map()
    mmap.measure_float_put(REVENUE, amount)
    tmap = TagMap()
    tmap.insert(KEY, TagValue(shop))
    mmap.record(tmap)


stats.view_manager.register_exporter(new_metrics_exporter(enable_standard_metrics=False))
stats.view_manager.register_view(View("revenue_total", "what was paid", [KEY], REVENUE, SumAggregation()))
record(12.5, "berlin")
record(2.25, "berlin")
record(3.0, "paris")
