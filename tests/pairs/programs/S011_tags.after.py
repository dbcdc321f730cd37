from appinsights_exporter import configure
from opentelemetry import metrics

SHOP = "shop"
KIND = "kind"
PAID = metrics.get_meter(__name__).create_counter("paid", unit="1", description="payments")

configure(signals=["metrics"], export_interval_millis=15000)


def tags_of(shop, kind=None):
    tags = {SHOP: shop}
    if kind:
        tags[KIND] = kind
    return tags


def paid(shop, kind=None):
    PAID.add(1, tags_of(shop, kind))


paid("berlin")
paid("berlin", "card")
paid("paris", "cash")
