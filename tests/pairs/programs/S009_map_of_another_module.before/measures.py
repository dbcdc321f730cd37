from opencensus.ext.azure import metrics_exporter
from opencensus.stats import stats as stats_module
from opencensus.stats.aggregation import SumAggregation
from opencensus.stats.measure import MeasureInt
from opencensus.stats.view import View
from opencensus.tags.tag_map import TagMap

stats = stats_module.stats
view_manager = stats.view_manager
stats_recorder = stats.stats_recorder

orders = MeasureInt("orders", "number of orders")
orders_view = View("orders", "number of orders", ["shop"], orders, SumAggregation())
exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0)
view_manager.register_exporter(exporter)
mmap = stats_recorder.new_measurement_map()
tmap = TagMap()
tmap.insert("shop", "berlin")
tmap.insert("os", "linux")
