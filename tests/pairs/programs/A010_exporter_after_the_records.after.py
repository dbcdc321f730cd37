from appinsights_exporter import configure
from opentelemetry import metrics


def main():
    parts = metrics.get_meter(__name__).create_counter(
        "parts_view",
        unit="parts",
        description="number of parts",
    )
    configure(signals=["metrics"], export_interval_millis=30000)
    for count in (2, 3):
        parts.add(count)


main()
