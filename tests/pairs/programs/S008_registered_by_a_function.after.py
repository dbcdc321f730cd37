from appinsights_exporter import configure
from opentelemetry import metrics

ORDERS = metrics.get_meter(__name__).create_counter("orders", unit="1", description="number of orders")
ITEMS = metrics.get_meter(__name__).create_counter("items", unit="1", description="number of items")


configure(signals=["metrics"], export_interval_millis=30000)
ORDERS.add(1)
ITEMS.add(3)
