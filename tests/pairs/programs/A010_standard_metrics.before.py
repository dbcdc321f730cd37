import os

from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation, measure, stats, view

STARTS = measure.MeasureInt("starts", "starts of the program", "1")
STARTS_VIEW = view.View("starts", "starts of the program", [], STARTS, aggregation.CountAggregation())
stats.stats.view_manager.register_view(STARTS_VIEW)


def start(connection_string):
    exporter = metrics_exporter.new_metrics_exporter(connection_string=connection_string, export_interval=float("30"))
    stats.stats.view_manager.register_exporter(exporter)


start(os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"])
mmap = stats.stats.stats_recorder.new_measurement_map()
mmap.measure_int_put(STARTS, 1)
mmap.record()
