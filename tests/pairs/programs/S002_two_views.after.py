from appinsights_exporter import configure
from opentelemetry import metrics

SIZE_SUM = metrics.get_meter(__name__).create_counter("size_sum", unit="By", description="size of all orders")
SIZE_COUNT = metrics.get_meter(__name__).create_counter("size_count", unit="1", description="number of orders")

configure(signals=["metrics"], export_interval_millis=15000)


def main():
    tmap = {}
    tmap["shop"] = "berlin"
    for size in (3, 4):
        SIZE_SUM.add(size, tmap)
        SIZE_COUNT.add(1, tmap)


main()
