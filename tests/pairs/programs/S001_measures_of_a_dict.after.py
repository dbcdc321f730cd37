from appinsights_exporter import configure
from opentelemetry import metrics

configure(signals=["metrics"], export_interval_millis=30000)
MEASURES = {
    "orders": metrics.get_meter(__name__).create_counter("orders", unit="1", description="number of orders"),
    "items": metrics.get_meter(__name__).create_counter("items", unit="1", description="number of items"),
}
COUNT = metrics.get_meter(__name__).create_counter("count", unit="1", description="number of calls")


def record(name, value):
    tmap = {}
    tmap["shop"] = "berlin"
    MEASURES[name].add(value, tmap)
    COUNT.add(1)


record("orders", 1)
record("items", 3)
