from appinsights_exporter import configure
from opentelemetry import metrics

COST = metrics.get_meter(__name__).create_counter(
    "shop/cost",
    unit="EUR",
    description="what an order costs",
)
ORDERS = metrics.get_meter(__name__).create_counter(
    "shop/orders",
    unit="1",
    description="how many orders",
)
configure(signals=["metrics"], export_interval_millis=15000)


def put(mmap, of, value):
    mmap[of.add] = value


def send(mmap, shop):
    tags = {}
    tags["shop"] = shop
    for record_value, measured in mmap.items():
        record_value(measured, tags)


def order(shop, costs):
    mmap = {}
    for cost in costs:
        put(mmap, COST, cost)
        if cost > 1:
            mmap[ORDERS.add] = 1
            send(mmap, shop)


kept = {}
for value in range(3):
    kept[COST.add] = value
for record_value, measured in kept.items():
    record_value(measured)
for record_value, measured in kept.items():
    record_value(measured)
order("a", [1, 2, 3])
order("b", [2, 1])
