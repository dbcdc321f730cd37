from appinsights_exporter import configure
from opentelemetry import metrics

OPEN = metrics.get_meter(__name__).create_up_down_counter(
    "open",
    unit="1",
    description="open connections",
)
HEAT = metrics.get_meter(__name__).create_gauge(
    "heat",
    unit="Cel",
    description="of the machine",
)
configure(signals=["metrics"])


class Pool:
    def __init__(self, name):
        self.open = {"pool": name, "kind": "tcp"}

    def connect(self):
        OPEN.add(1, self.open)

    def close(self):
        OPEN.add(-1, self.open)


pool = Pool("main")
pool.connect()
pool.connect()
pool.close()
HEAT.set(41.5)
