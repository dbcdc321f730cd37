from appinsights_exporter import configure
from opentelemetry import metrics
from opentelemetry.metrics import Observation

JOBS = ["a", "b", "c"]


def waiting():
    return len(JOBS)


def load():
    return 0.5


derived = metrics.get_meter(__name__).create_observable_gauge(
    "waiting",
    [lambda options: [Observation(waiting(), {"worker": "w1"})]],
    unit="1",
    description="jobs that wait",
)
plain = metrics.get_meter(__name__).create_observable_gauge(
    "load",
    [lambda options: [Observation(load())]],
    unit="1",
    description="of the machine",
)

configure(signals=["metrics"])
