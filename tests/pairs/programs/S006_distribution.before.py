from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_map as tag_map_module

LATENCY = measure_module.MeasureFloat("latency", "time of an answer", "ms")
BOUNDS = [10.0, 100.0, 1000.0]
LATENCY_AGGREGATION = aggregation_module.DistributionAggregation(BOUNDS)
LATENCY_VIEW = view_module.View(
    name="latency_distribution",
    description="time of an answer",
    columns=["path"],
    measure=LATENCY,
    aggregation=LATENCY_AGGREGATION,
)

stats_module.stats.view_manager.register_view(LATENCY_VIEW)
exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)
stats_module.stats.view_manager.register_exporter(exporter)

tmap = tag_map_module.TagMap()
tmap.insert("path", "/orders")
for taken in (2.5, 40.0, 250.0):
    mmap = stats_module.stats.stats_recorder.new_measurement_map()
    mmap.measure_float_put(LATENCY, taken)
    mmap.record(tmap)
