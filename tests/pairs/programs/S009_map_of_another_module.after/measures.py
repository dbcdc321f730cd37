from appinsights_exporter import configure
from opentelemetry import metrics

orders = metrics.get_meter(__name__).create_counter(
    "orders",
    unit="1",
    description="number of orders",
)
configure(signals=["metrics"], export_interval_millis=30000)
tmap = {}
tmap["shop"] = "berlin"
tmap["os"] = "linux"
