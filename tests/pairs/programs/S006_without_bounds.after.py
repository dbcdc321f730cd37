from appinsights_exporter import configure
from opentelemetry import metrics

latency = metrics.get_meter(__name__).create_histogram(
    "latency",
    unit="ms",
    description="time",
    explicit_bucket_boundaries_advisory=[],
)
configure(signals=["metrics"], export_interval_millis=15000)
latency.record(3.5)
