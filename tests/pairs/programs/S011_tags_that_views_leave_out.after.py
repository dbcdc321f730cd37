from appinsights_exporter import configure
from opentelemetry import metrics

ORDERS = metrics.get_meter(__name__).create_counter("orders", unit="1", description="number of orders")
ITEMS = metrics.get_meter(__name__).create_counter("items", unit="1", description="number of items")
PRICES = metrics.get_meter(__name__).create_counter("prices", unit="1", description="sum of prices")
configure(signals=["metrics"], export_interval_millis=30000)


def ordered(user, items, price):
    tmap = {}
    tmap["country"] = "de"
    tmap["shop"] = "berlin"
    tmap["user"] = user
    ORDERS.add(1)
    ITEMS.add(items, {key: value for key, value in tmap.items() if key == "shop"})
    PRICES.add(price, {key: value for key, value in tmap.items() if key in ("country", "shop")})


def returned(key, items):
    tags = {}
    tags.setdefault(key, "paris")
    ITEMS.add(items, {key: value for key, value in tags.items() if key == "shop"})


ordered("anna", 2, 30)
ordered("bert", 5, 12)
returned("shop", 1)
returned("reason", 4)
