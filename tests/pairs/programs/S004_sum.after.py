from appinsights_exporter import configure
from opentelemetry import metrics

KEY = "shop"
REVENUE = metrics.get_meter(__name__).create_counter(
    "revenue_total",
    unit="EUR",
    description="what was paid",
)


def record(amount, shop):
    tmap = {}
    tmap[KEY] = shop
    REVENUE.add(amount, tmap)


configure(signals=["metrics"], export_interval_millis=15000)
record(12.5, "berlin")
record(2.25, "berlin")
record(3.0, "paris")
