from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_map as tag_map_module


def main():
    stats = stats_module.stats
    parts = measure_module.MeasureInt("parts", "number of parts", "parts")
    view = view_module.View("parts_view", "number of parts", [], parts, aggregation_module.SumAggregation())
    stats.view_manager.register_view(view)
    mmap = stats.stats_recorder.new_measurement_map()
    for count in (2, 3):
        mmap.measure_int_put(parts, count)
        mmap.record(tag_map_module.TagMap())
    exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0)
    stats.view_manager.register_exporter(exporter)


main()
