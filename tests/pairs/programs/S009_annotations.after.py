from collections import OrderedDict
from typing import Any

from appinsights_exporter import configure
from opentelemetry import metrics

ORDERS = metrics.get_meter(__name__).create_counter("orders", unit="1", description="number of orders")


def set_up(seconds: float) -> None:
    configure(signals=["metrics"], export_interval_millis=seconds * 1000)


class Shop:
    weight: Any

    def __init__(self) -> None:
        self.weight = metrics.get_meter(__name__).create_counter("weight", unit="g", description="weight of orders")

    def put(self, mmap: dict, grams: float) -> None:
        mmap[ORDERS.add] = 1
        mmap[self.weight.add] = grams

    def record(self, mmap: "dict", tags: dict) -> None:
        if len(tags) != 1:
            raise ValueError(f"{OrderedDict(tags)}")
        for record_value, measured in mmap.items():
            record_value(measured, tags)

    def tags_of(self, kind: str) -> dict:
        tags: dict = {}
        tags["kind"] = kind
        return tags


set_up(30.0)
shop = Shop()
for kind, grams in (("letter", 20.0), ("parcel", 2000.0), ("letter", 25.5)):
    measurements: dict = {}
    shop.put(measurements, grams)
    shop.record(measurements, shop.tags_of(kind))
