from appinsights_exporter import configure
from opentelemetry import metrics

ORDERS = metrics.get_meter(__name__).create_counter("orders", unit="1", description="number of orders")
REVENUE = metrics.get_meter(__name__).create_counter("revenue", unit="EUR", description="what was paid")


class Metrics:
    def __init__(self):
        configure(signals=["metrics"], export_interval_millis=30000)
        self.tmap = {}
        self.tmap["shop"] = "berlin"

    def ordered(self, amount):
        ORDERS.add(1, self.tmap)
        REVENUE.add(amount, self.tmap)


metrics_of_shop = Metrics()
metrics_of_shop.ordered(2.5)
metrics_of_shop.ordered(4.0)
