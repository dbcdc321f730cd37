from appinsights_exporter import configure
from opentelemetry import metrics

PARTS = metrics.get_meter(__name__).create_counter("parts_view", unit="parts", description="number of parts")
configure(signals=["metrics"], export_interval_millis=30000)

tmap = {}
tmap["shop"] = "none"
for shop in ("berlin", "paris"):
    tmap["shop"] = shop
    PARTS.add(len(shop), tmap.copy())
