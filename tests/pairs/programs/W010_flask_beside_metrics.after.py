from appinsights_exporter import configure
from flask import Flask
from opentelemetry import metrics
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["metrics"], export_interval_millis=15000)
VOTES = metrics.get_meter(__name__).create_counter("votes", unit="1", description="Votes")
app = Flask("vote")
configure(signals=["traces"], sampler=ALWAYS_ON)
FlaskInstrumentor().instrument_app(app, meter_provider=NoOpMeterProvider())


@app.route("/")
def vote():
    VOTES.add(1)
    return "counted"


app.test_client().get("/")
