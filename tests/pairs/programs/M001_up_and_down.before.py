from opencensus.ext.azure.metrics_exporter import MetricsExporter
from opencensus.metrics.export.gauge import DoubleGauge, LongGauge, Registry
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue
from opencensus.metrics.transport import get_exporter_thread

registry = Registry()
OPEN = LongGauge("open", "open connections", "1", [LabelKey("pool", ""), LabelKey("kind", "")])
registry.add_gauge(OPEN)
HEAT = DoubleGauge("heat", "of the machine", "Cel", [])
registry.add_gauge(HEAT)
thread = get_exporter_thread([registry], MetricsExporter())


class Pool:
    def __init__(self, name):
        self.open = OPEN.get_or_create_time_series([LabelValue(name), LabelValue("tcp")])

    def connect(self):
        self.open.add(1)

    def close(self):
        self.open.add(-1)


pool = Pool("main")
pool.connect()
pool.connect()
pool.close()
HEAT.get_or_create_default_time_series().set(41.5)
