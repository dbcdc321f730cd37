from appinsights_exporter import configure
from opentelemetry import metrics

FIRST = 9
STOCK = metrics.get_meter(__name__).create_gauge("stock_now", unit="1", description="articles in stock")
SOLD = metrics.get_meter(__name__).create_counter("sold_all", unit="1", description="articles sold")

configure(signals=["metrics"], export_interval_millis=15000)

STOCK.set(7)
SOLD.add(2)
