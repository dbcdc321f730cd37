from opencensus.ext.azure.metrics_exporter import MetricsExporter
from opencensus.metrics.export.cumulative import DerivedLongCumulative
from opencensus.metrics.export.gauge import Registry
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue
from opencensus.metrics.transport import get_exporter_thread

REGISTRY = Registry()


class Post:
    def __init__(self):
        self.letters = 3

    def sent(self):
        return self.letters


post = Post()
SENT = DerivedLongCumulative("sent", "letters that were sent", "1", [LabelKey("country", "where to")])
SENT.create_time_series([LabelValue("de")], post.sent)
REGISTRY.add_gauge(SENT)
exporter = MetricsExporter()
get_exporter_thread([REGISTRY], exporter)
post.letters += 4
