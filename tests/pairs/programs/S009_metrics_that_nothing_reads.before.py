from datetime import datetime, timezone

from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_map as tag_map_module

stats = stats_module.stats
PARTS = measure_module.MeasureInt("parts", "number of parts", "parts")
PARTS_VIEW = view_module.View("parts_view", "number of parts", ["shop"], PARTS, aggregation_module.SumAggregation())
stats.view_manager.register_view(PARTS_VIEW)
stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))

tmap = tag_map_module.TagMap()
tmap.insert("shop", "none")
for shop in ("berlin", "paris"):
    mmap = stats.stats_recorder.new_measurement_map()
    tmap.update("shop", shop)
    mmap.measure_int_put(PARTS, len(shop))
    mmap.record(tmap)
    seen = list(mmap.measure_to_view_map.get_metrics(datetime.now(timezone.utc)))
