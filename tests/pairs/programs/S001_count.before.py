from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_map as tag_map_module

stats = stats_module.stats
view_manager = stats.view_manager
stats_recorder = stats.stats_recorder

ORDERS = measure_module.MeasureInt("orders", "number of orders", "orders")
# One row for each shop.
ORDERS_VIEW = view_module.View("orders_view", "number of orders", ["shop"], ORDERS, aggregation_module.CountAggregation())

exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)
view_manager.register_exporter(exporter)
view_manager.register_view(ORDERS_VIEW)

for shop in ("berlin", "paris", "berlin"):
    mmap = stats_recorder.new_measurement_map()
    tmap = tag_map_module.TagMap()
    tmap.insert("shop", shop)
    mmap.measure_int_put(ORDERS, 7)
    mmap.record(tmap)
