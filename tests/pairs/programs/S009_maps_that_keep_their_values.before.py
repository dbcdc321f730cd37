from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation, measure, view
from opencensus.stats.stats import stats
from opencensus.tags import tag_map

COST = measure.MeasureFloat("cost", "what an order costs", "EUR")
ORDERS = measure.MeasureInt("orders", "how many orders", "1")
for each in (
    view.View("shop/cost", "what an order costs", ["shop"], COST, aggregation.SumAggregation()),
    view.View("shop/orders", "how many orders", ["shop"], ORDERS, aggregation.CountAggregation()),
):
    stats.view_manager.register_view(each)
stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False))


def put(mmap, of, value):
    mmap.measure_float_put(of, value)


def send(mmap, shop):
    tags = tag_map.TagMap()
    tags.insert("shop", shop)
    mmap.record(tags)


def order(shop, costs):
    mmap = stats.stats_recorder.new_measurement_map()
    for cost in costs:
        put(mmap, COST, cost)
        if cost > 1:
            mmap.measure_int_put(ORDERS, 1)
            send(mmap, shop)


kept = stats.stats_recorder.new_measurement_map()
for value in range(3):
    kept.measure_float_put(COST, value)
kept.record()
kept.record()
order("a", [1, 2, 3])
order("b", [2, 1])
