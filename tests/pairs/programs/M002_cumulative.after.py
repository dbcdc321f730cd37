from appinsights_exporter import configure
from opentelemetry import metrics

sent = metrics.get_meter(__name__).create_counter("sent", unit="1", description="letters that were sent")
total = metrics.get_meter(__name__).create_counter("weight", unit="g", description="of all letters")

configure(signals=["metrics"])

to_germany = {"country": "de"}
for grams in (20.0, 31.5):
    sent.add(1, to_germany)
    total.add(grams)
