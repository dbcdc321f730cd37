import logging
from datetime import datetime, timezone

from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_map as tag_map_module

logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler())

stats = stats_module.stats
ORDERS = measure_module.MeasureInt("orders", "number of orders", "orders")
ORDERS_VIEW = view_module.View("orders_view", "number of orders", [], ORDERS, aggregation_module.SumAggregation())
stats.view_manager.register_view(ORDERS_VIEW)
stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))

mmap = stats.stats_recorder.new_measurement_map()


def order(count):
    mmap.measure_int_put(ORDERS, count)
    mmap.record(tag_map_module.TagMap())
    metrics = list(mmap.measure_to_view_map.get_metrics(datetime.now(timezone.utc)))
    logger.warning("orders: %d", metrics[0].time_series[0].points[0].value.value)
    for metric in metrics:
        for series in metric.time_series:
            logger.warning("%s of %s", series.points[0].value.value, metric.descriptor.name)


order(2)
order(5)
