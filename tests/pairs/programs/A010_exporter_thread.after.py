from appinsights_exporter import configure
from opentelemetry import metrics

queue = metrics.get_meter(__name__).create_gauge(
    "queue",
    unit="1",
    description="jobs in the queue",
)

configure(signals=["metrics"], export_interval_millis=60000)

point = {"worker": "a"}
queue.set(4, point)
queue.set(7, {"worker": "b"})
