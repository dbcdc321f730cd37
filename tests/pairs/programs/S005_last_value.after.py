from appinsights_exporter import configure
from opentelemetry import metrics

STOCK = metrics.get_meter(__name__).create_gauge(
    "stock_now",
    unit="1",
    description="articles in stock",
)

configure(signals=["metrics"], export_interval_millis=15000)

for left in (9, 8, 7):
    STOCK.set(left)
