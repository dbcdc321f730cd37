from appinsights_exporter import configure
from opentelemetry import metrics

REQUESTS = metrics.get_meter(__name__).create_counter(
    "requests",
    unit="1",
    description="number of requests",
)
FAILED = metrics.get_meter(__name__).create_counter(
    "failed",
    unit="1",
    description="number of failed requests",
)
LATENCY = metrics.get_meter(__name__).create_histogram(
    "latency",
    unit="ms",
    description="times of requests",
    explicit_bucket_boundaries_advisory=[10.0, 100.0],
)


def export():
    print("exporting")


def set_up():
    configure(signals=["metrics"], export_interval_millis=30000)
    export()


def handle(milliseconds):
    REQUESTS.add(1)
    if milliseconds > 50:
        FAILED.add(1)
        LATENCY.record(milliseconds)
        tmap = {}
        return "error"
    LATENCY.record(milliseconds)
    tmap = {}
    return "page"


set_up()
handle(3.5)
handle(120.0)
handle(12.0)
