import json

from measures import mmap, orders, orders_view, tmap, view_manager

view_manager.register_view(orders_view)


def ordered(text):
    mmap.measure_int_put(orders, json.loads(text))
    mmap.record(tmap)


ordered("2")
ordered("5")
