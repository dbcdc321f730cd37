from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_key, tag_map, tag_value
from opencensus.tags.tag import Tag

SHOP = tag_key.TagKey("shop")
KIND = tag_key.TagKey("kind")
PAID = measure_module.MeasureInt("paid", "payments", "1")
PAID_VIEW = view_module.View("paid", "payments", [SHOP, KIND], PAID, aggregation_module.CountAggregation())

stats_module.stats.view_manager.register_view(PAID_VIEW)
exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)


def tags_of(shop, kind=None):
    tags = tag_map.TagMap([Tag(SHOP, tag_value.TagValue(shop))])
    if kind:
        tags.insert(KIND, kind)
    return tags


def paid(shop, kind=None):
    mmap = stats_module.stats.stats_recorder.new_measurement_map()
    mmap.measure_int_put(PAID, 1)
    mmap.record(tags_of(shop, kind))


paid("berlin")
paid("berlin", "card")
paid("paris", "cash")
