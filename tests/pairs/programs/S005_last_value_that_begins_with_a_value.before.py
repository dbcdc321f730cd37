from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation, measure, view
from opencensus.stats import stats as stats_module

FIRST = 9
STOCK = measure.MeasureInt("stock", "articles in stock", "1")
STOCK_VIEW = view.View("stock_now", "articles in stock", [], STOCK, aggregation.LastValueAggregation(value=FIRST))
SOLD = measure.MeasureInt("sold", "articles sold", "1")
SOLD_VIEW = view.View("sold_all", "articles sold", [], SOLD, aggregation.SumAggregation(0))

stats_module.stats.view_manager.register_view(STOCK_VIEW)
stats_module.stats.view_manager.register_view(SOLD_VIEW)
exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)

mmap = stats_module.stats.stats_recorder.new_measurement_map()
mmap.measure_int_put(STOCK, 7)
mmap.measure_int_put(SOLD, 2)
mmap.record()
