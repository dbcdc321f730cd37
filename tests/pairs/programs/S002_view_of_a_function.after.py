from appinsights_exporter import configure
from opentelemetry import metrics

configure(signals=["metrics"], export_interval_millis=30000)


class Times:
    def __init__(self, name):
        self.measure = metrics.get_meter(__name__).create_histogram(
            name,
            unit="s",
            description="seconds of a step",
            explicit_bucket_boundaries_advisory=[1.0, 10.0],
        )

    def record(self, seconds):
        self.measure.record(seconds)


PAID = metrics.get_meter(__name__).create_counter("paid", unit="EUR", description="paid in all shops")
BACK = metrics.get_meter(__name__).create_counter("paid_back", unit="EUR", description="paid back in all shops")


def pay(measure, amount, shop):
    tmap = {}
    tmap["shop"] = shop
    measure.add(amount, tmap)


pay(PAID, 12.5, "berlin")
pay(PAID, 2.5, "paris")
pay(BACK, 1.0, "berlin")
times = Times("step")
times.record(0.5)
times.record(3.0)
