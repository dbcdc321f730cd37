from opencensus.ext.azure.metrics_exporter import MetricsExporter
from opencensus.metrics import transport
from opencensus.metrics.export import gauge
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue

registry = gauge.Registry()
queue = gauge.LongGauge("queue", "jobs in the queue", "1", [LabelKey("worker", "its name")])
registry.add_gauge(queue)

exporter = MetricsExporter(export_interval=60.0)
thread = transport.get_exporter_thread([registry], exporter, interval=60.0)

point = queue.get_or_create_time_series([LabelValue("a")])
point.set(4)
queue.get_or_create_time_series([LabelValue("b")]).set(7)
