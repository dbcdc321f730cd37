from opencensus.ext.azure.metrics_exporter import MetricsExporter
from opencensus.metrics import transport
from opencensus.metrics.export import cumulative, gauge
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue

registry = gauge.Registry()
sent = cumulative.LongCumulative("sent", "letters that were sent", "1", [LabelKey("country", "where to")])
total = cumulative.DoubleCumulative("weight", "of all letters", "g", [])
for metric in (sent, total):
    registry.add_gauge(metric)

thread = transport.get_exporter_thread([registry], MetricsExporter())

to_germany = sent.get_or_create_time_series([LabelValue("de")])
weight = total.get_or_create_default_time_series()
for grams in (20.0, 31.5):
    to_germany.add(1)
    weight.add(grams)
