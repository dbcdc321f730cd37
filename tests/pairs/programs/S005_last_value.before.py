from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation, measure, view
from opencensus.stats import stats as stats_module

STOCK = measure.MeasureInt("stock", "articles in stock", "1")
STOCK_VIEW = view.View("stock_now", "articles in stock", [], STOCK, aggregation.LastValueAggregation())

stats_module.stats.view_manager.register_view(STOCK_VIEW)
exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)

mmap = stats_module.stats.stats_recorder.new_measurement_map()
for left in (9, 8, 7):
    mmap.measure_int_put(STOCK, left)
    mmap.record()
