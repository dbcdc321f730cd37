import logging

from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_key as tag_key_module
from opencensus.tags import tag_map as tag_map_module
from opencensus.tags import tag_value as tag_value_module

logger = logging.getLogger("videos")
logger.addHandler(AzureLogHandler())

FRONTEND = tag_key_module.TagKey("frontend")
SIZE = measure_module.MeasureInt("size", "size of videos", "By")
NAME = "videos/size"
SIZES = view_module.View(NAME, "sizes of videos", [FRONTEND], SIZE, aggregation_module.DistributionAggregation([10.0, 20.0]))


def main():
    view_manager = stats_module.stats.view_manager
    stats_recorder = stats_module.stats.stats_recorder
    view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))
    view_manager.register_view(SIZES)
    tags = tag_map_module.TagMap()
    tags.insert(FRONTEND, tag_value_module.TagValue("phone"))
    measurements = stats_recorder.new_measurement_map()
    measurements.measure_int_put(SIZE, 15)
    measurements.record(tags)
    seen = view_manager.get_view(NAME)
    for frontend, sizes in seen.tag_value_aggregation_data_map.items():
        logger.warning("%s: %d", frontend[0], sizes.count_data)


main()
