from appinsights_exporter import configure
from opentelemetry import metrics
from opentelemetry.sdk.metrics.view import View

CLUBS = metrics.get_meter(__name__).create_counter("metric_name_clubs", unit="1", description="number of clubs")
configure(signals=["metrics"], export_interval_millis=30000, views=[View(instrument_name="metric_name_clubs", name="metric name: clubs")])

CLUBS.add(1)
