from opencensus.ext.azure.metrics_exporter import MetricsExporter
from opencensus.metrics import transport
from opencensus.metrics.export import gauge
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue

JOBS = ["a", "b", "c"]


def waiting():
    return len(JOBS)


def load():
    return 0.5


registry = gauge.Registry()
derived = gauge.DerivedLongGauge("waiting", "jobs that wait", "1", [LabelKey("worker", "its name")])
derived.create_time_series([LabelValue("w1")], waiting)
registry.add_gauge(derived)
plain = gauge.DerivedDoubleGauge("load", "of the machine", "1", [])
plain.create_default_time_series(load)
registry.add_gauge(plain)

thread = transport.get_exporter_thread([registry], MetricsExporter())
