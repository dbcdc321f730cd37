from opencensus.ext.azure import metrics_exporter
from opencensus.stats.aggregation import CountAggregation, SumAggregation
from opencensus.stats.measure import MeasureFloat, MeasureInt
from opencensus.stats.stats import stats
from opencensus.stats.view import View
from opencensus.tags.tag_map import TagMap

ORDERS = MeasureInt("orders", "number of orders")
REVENUE = MeasureFloat("revenue", "what was paid", "EUR")
VIEWS = [
    View("orders", "number of orders", ["shop"], ORDERS, CountAggregation()),
    View("revenue", "what was paid", ["shop"], REVENUE, SumAggregation()),
]


class Metrics:
    def __init__(self):
        self.exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0)
        stats.view_manager.register_exporter(self.exporter)
        for view in VIEWS:
            stats.view_manager.register_view(view)
        self.mmap = stats.stats_recorder.new_measurement_map()
        self.tmap = TagMap()
        self.tmap.insert("shop", "berlin")

    def ordered(self, amount):
        self.mmap.measure_int_put(ORDERS, 1)
        self.mmap.measure_float_put(REVENUE, amount)
        self.mmap.record(self.tmap)


metrics_of_shop = Metrics()
metrics_of_shop.ordered(2.5)
metrics_of_shop.ordered(4.0)
