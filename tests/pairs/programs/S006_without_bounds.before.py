from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_map

latency = measure.MeasureFloat("latency", "time", "ms")
view_manager = stats.stats.view_manager
view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False))
view_manager.register_view(view.View("latency", "time", [], latency, aggregation.DistributionAggregation()))
mmap = stats.stats.stats_recorder.new_measurement_map()
mmap.measure_float_put(latency, 3.5)
mmap.record(tag_map.TagMap())
