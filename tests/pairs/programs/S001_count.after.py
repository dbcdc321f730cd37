from appinsights_exporter import configure
from opentelemetry import metrics

# One row for each shop.
ORDERS = metrics.get_meter(__name__).create_counter("orders_view", unit="1", description="number of orders")

configure(signals=["metrics"], export_interval_millis=15000)

for shop in ("berlin", "paris", "berlin"):
    tmap = {}
    tmap["shop"] = shop
    ORDERS.add(1, tmap)
