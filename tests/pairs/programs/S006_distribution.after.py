from appinsights_exporter import configure
from opentelemetry import metrics

BOUNDS = [10.0, 100.0, 1000.0]
LATENCY = metrics.get_meter(__name__).create_histogram(
    "latency_distribution",
    unit="ms",
    description="time of an answer",
    explicit_bucket_boundaries_advisory=BOUNDS,
)

configure(signals=["metrics"], export_interval_millis=15000)

tmap = {}
tmap["path"] = "/orders"
for taken in (2.5, 40.0, 250.0):
    LATENCY.record(taken, tmap)
