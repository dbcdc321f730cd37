from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_map as tag_map_module

stats = stats_module.stats
CLUBS = measure_module.MeasureInt("clubs", "number of clubs", "clubs")
CLUBS_VIEW = view_module.View("metric name: clubs", "number of clubs", [], CLUBS, aggregation_module.CountAggregation())
stats.view_manager.register_view(CLUBS_VIEW)
stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))

mmap = stats.stats_recorder.new_measurement_map()
mmap.measure_int_put(CLUBS, 1)
mmap.record(tag_map_module.TagMap())
