from opencensus.ext.azure import metrics_exporter
from opencensus.stats import stats as stats_module
from opencensus.stats.aggregation import CountAggregation, DistributionAggregation, SumAggregation
from opencensus.stats.measure import MeasureFloat, MeasureInt
from opencensus.stats.view import View
from opencensus.tags.tag_map import TagMap

REQUESTS = MeasureInt("requests", "number of requests")
FAILED = MeasureInt("failed", "number of failed requests")
LATENCY = MeasureFloat("latency", "time of a request", "ms")
stats_recorder = stats_module.stats.stats_recorder
requests_view = View("requests", "number of requests", ["shop"], REQUESTS, CountAggregation())
failed_view = View("failed", "number of failed requests", ["shop"], FAILED, SumAggregation())
latency_view = View("latency", "times of requests", [], LATENCY, DistributionAggregation([10.0, 100.0]))


def register_all(view_manager: stats_module.stats.view_manager) -> None:
    view_manager.register_view(requests_view)
    view_manager.register_view(failed_view)
    view_manager.register_view(latency_view)


def export(exporter, view_manager):
    print("exporting")
    view_manager.register_exporter(exporter)


def set_up():
    stats = stats_module.stats
    view_manager = stats.view_manager
    exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0)
    export(exporter, view_manager)
    register_all(view_manager)


def handle(milliseconds):
    mmap = stats_recorder.new_measurement_map()
    mmap.measure_int_put(REQUESTS, 1)
    if milliseconds > 50:
        mmap.measure_int_put(FAILED, 1)
        mmap.measure_float_put(LATENCY, milliseconds)
        tmap = TagMap()
        mmap.record(tmap)
        return "error"
    mmap.measure_float_put(LATENCY, milliseconds)
    tmap = TagMap()
    mmap.record(tmap)
    return "page"


set_up()
handle(3.5)
handle(120.0)
handle(12.0)
