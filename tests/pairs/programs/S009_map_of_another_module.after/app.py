import json

from measures import orders, tmap


def ordered(text):
    orders.add(json.loads(text), {key: value for key, value in tmap.items() if key == "shop"})


ordered("2")
ordered("5")
