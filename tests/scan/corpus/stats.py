"""Measures, views, tags and gauges. A comment names the rules of its line."""

from opencensus.ext.azure import metrics_exporter  #: I001
from opencensus.metrics.export.cumulative import LongCumulative  #: I001
from opencensus.metrics.export.gauge import DerivedDoubleGauge, LongGauge, Registry  #: I001 I001 I001
from opencensus.metrics.label_key import LabelKey  #: I001
from opencensus.metrics import label_value  #: I001
from opencensus.metrics.transport import get_exporter_thread  #: I001
from opencensus.stats import aggregation as aggregation_module  #: I002
from opencensus.stats import measure as measure_module  #: I002
from opencensus.stats import stats as stats_module  #: I002
from opencensus.stats import view as view_module  #: I002
from opencensus.tags import tag_key, tag_map, tag_value  #: I001 I001 I001

stats = stats_module.stats  #: S009
view_manager = stats.view_manager  #: S009
stats_recorder = stats.stats_recorder  #: S009
KEY = tag_key.TagKey("a")  #: S011
measure = measure_module.MeasureInt("m", "m", "1")  #: S001
floating = measure_module.MeasureFloat("f", "f", "1")  #: S001
views = [
    view_module.View("count", "", [KEY], measure, aggregation_module.CountAggregation()),  #: S002 S003
    view_module.View("sum", "", [KEY], measure, aggregation_module.SumAggregation()),  #: S002 S004
    view_module.View("last", "", [KEY], measure, aggregation_module.LastValueAggregation()),  #: S002 S005
    view_module.View("spread", "", [KEY], measure, aggregation_module.DistributionAggregation([1])),  #: S002 S006
]
exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)  #: A010 A005
view_manager.register_exporter(exporter)  #: S008
for each in views:
    view_manager.register_view(each)  #: S008


def record(value, recorder):
    tags = tag_map.TagMap()  #: S011
    tags.insert(KEY, tag_value.TagValue("b"))  #: S011 S011
    measurements = stats_recorder.new_measurement_map()  #: S009
    measurements.measure_int_put(measure, value)  #: S009
    measurements.measure_float_put(floating, value)  #: S009
    measurements.record(tags)  #: S009
    recorder.new_measurement_map().measure_int_put(measure, 1)  #: S009 S009
    print(view_manager.measure_to_view_map.get_view("view", None))  #: S010
    return list(view_manager.measure_to_view_map.get_metrics(None))  #: S013


gauge = LongGauge("g", "g", "1", [LabelKey("k", "k")])  #: M001 M005
point = gauge.get_or_create_time_series([label_value.LabelValue("v")])  #: M001 M005
point.set(1)  #: M001
DerivedDoubleGauge("d", "d", "1", [])  #: M001
LongCumulative("c", "c", "1", [])  #: M002
Registry().add_gauge(gauge)  #: M001 M001
thread = get_exporter_thread([], metrics_exporter.MetricsExporter())  #: A010 A010 A005
