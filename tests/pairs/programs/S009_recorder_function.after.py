from appinsights_exporter import configure
from opentelemetry import metrics

configure(signals=["metrics"], export_interval_millis=30000)


def measure_of(name, unit="1"):
    measure = metrics.get_meter(__name__).create_counter(name, unit=unit, description="seen in the shop")
    return measure


ITEMS = measure_of("items")
PRICES = measure_of("prices", unit="EUR")
RETURNS = metrics.get_meter(__name__).create_counter("returned", unit="1", description="number of returns")


def record(measure, value, shop="berlin"):
    tmap = {}
    tmap["shop"] = shop
    measure.add(value, tmap)


def returned(count):
    tmap = {}
    tmap["measure"] = "returns"
    RETURNS.add(count, tmap)
    record(measure=RETURNS, value=1, shop="returned")


record(ITEMS, 2)
record(PRICES, 12.5, "paris")
returned(4)
