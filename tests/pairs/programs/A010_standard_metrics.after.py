import os

from appinsights_exporter import configure, performance_counters
from opentelemetry import metrics

STARTS = metrics.get_meter(__name__).create_counter("starts", unit="1", description="starts of the program")


def start(connection_string):
    configure(connection_string=connection_string, signals=["metrics"], export_interval_millis=float("30") * 1000)
    performance_counters.observe_legacy()


start(os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"])
STARTS.add(1)
