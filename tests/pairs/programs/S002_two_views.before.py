from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_map as tag_map_module

stats = stats_module.stats

SIZE = measure_module.MeasureInt("size", "size of an order", "By")
SIZE_SUM = view_module.View("size_sum", "size of all orders", ["shop"], SIZE, aggregation_module.SumAggregation())
SIZE_COUNT = view_module.View("size_count", "number of orders", ["shop"], SIZE, aggregation_module.CountAggregation())

exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)
for view in (SIZE_SUM, SIZE_COUNT):
    stats.view_manager.register_view(view)


def main():
    tmap = tag_map_module.TagMap()
    tmap.insert("shop", "berlin")
    for size in (3, 4):
        mmap = stats.stats_recorder.new_measurement_map()
        mmap.measure_int_put(SIZE, size)
        mmap.record(tmap)


main()
