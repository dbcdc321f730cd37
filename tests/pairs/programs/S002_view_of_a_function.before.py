from opencensus.ext.azure import metrics_exporter
from opencensus.stats.aggregation import DistributionAggregation, SumAggregation
from opencensus.stats.measure import MeasureFloat
from opencensus.stats.stats import stats
from opencensus.stats.view import View
from opencensus.tags.tag_map import TagMap

stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))


def register(measure, name, *, description):
    """Make a view of a measure."""
    view = View(name, description, ["shop"], measure, SumAggregation())
    stats.view_manager.register_view(view)


class Times:
    def __init__(self, name):
        self.measure = MeasureFloat(name, "seconds", "s")
        self.set_view(name, self.measure)

    @staticmethod
    def set_view(name, measure):
        stats.view_manager.register_view(View(name, "seconds of a step", [], measure, DistributionAggregation([1.0, 10.0])))

    def record(self, seconds):
        mmap = stats.stats_recorder.new_measurement_map()
        mmap.measure_float_put(self.measure, seconds)
        mmap.record(TagMap())


PAID = MeasureFloat("paid", "what was paid", "EUR")
BACK = MeasureFloat("back", "what was paid back", "EUR")
register(PAID, "paid", description="paid in all shops")
register(BACK, "paid_back", description="paid back in all shops")


def pay(measure, amount, shop):
    tmap = TagMap()
    tmap.insert("shop", shop)
    mmap = stats.stats_recorder.new_measurement_map()
    mmap.measure_float_put(measure, amount)
    mmap.record(tmap)


pay(PAID, 12.5, "berlin")
pay(PAID, 2.5, "paris")
pay(BACK, 1.0, "berlin")
times = Times("step")
times.record(0.5)
times.record(3.0)
