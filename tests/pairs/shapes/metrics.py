from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_key, tag_map, tag_value

import opencensus_compat

latency = measure.MeasureFloat("latency", "how long", "ms")
orders = measure.MeasureInt("orders", "how many", "1")
shop = tag_key.TagKey("shop")
manager = stats.stats.view_manager
manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False))
manager.register_view(view.View("count", "", [shop], orders, aggregation.CountAggregation()))
manager.register_view(view.View("sum", "", [shop], orders, aggregation.SumAggregation()))
manager.register_view(view.View("last", "", [], orders, aggregation.LastValueAggregation()))
manager.register_view(view.View("spread", "", [], latency, aggregation.DistributionAggregation([1, 10])))
tags = tag_map.TagMap()
tags.insert(shop, tag_value.TagValue("west"))
for number in range(3):
    measurements = stats.stats.stats_recorder.new_measurement_map()
    measurements.measure_int_put(orders, number)
    measurements.measure_float_put(latency, 2.5 * number)
    measurements.record(tags)
    opencensus_compat.flush()
