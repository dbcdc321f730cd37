from opencensus.ext.azure import metrics_exporter
from opencensus.stats.aggregation import SumAggregation
from opencensus.stats.measure import MeasureFloat, MeasureInt
from opencensus.stats.stats import stats
from opencensus.stats.view import View
from opencensus.tags.tag_map import TagMap

stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))


def measure_of(name, unit="1"):
    measure = MeasureFloat(name, "measured in the shop", unit)
    view = View(name, "seen in the shop", ["shop", "measure", "measures"], measure, SumAggregation())
    stats.view_manager.register_view(view)
    return measure


ITEMS = measure_of("items")
PRICES = measure_of("prices", unit="EUR")
RETURNS = MeasureInt("returns", "number of returns", "1")
RETURNS_VIEW = View("returned", "number of returns", ["shop", "measure", "measures"], RETURNS, SumAggregation())
stats.view_manager.register_view(RETURNS_VIEW)


def record(measure, value, shop="berlin"):
    tmap = TagMap()
    tmap.insert("shop", shop)
    mmap = stats.stats_recorder.new_measurement_map()
    mmap.measure_float_put(measure, value)
    mmap.record(tmap)


def returned(count):
    mmap = stats.stats_recorder.new_measurement_map()
    mmap.measure_int_put(RETURNS, count)
    tmap = TagMap()
    tmap.insert("measure", RETURNS.name)
    mmap.record(tmap)
    record(measure=RETURNS, value=len(mmap.measurement_map), shop=RETURNS_VIEW.name)


record(ITEMS, 2)
record(PRICES, 12.5, "paris")
returned(4)
