import flask
from config import Config
from appinsights_exporter import configure
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

app = flask.Flask(__name__)
app.config.from_object(Config)


def role(envelope):
    envelope.tags["ai.cloud.role"] = "shop"


configure(connection_string=Config.CONNECTION_STRING, telemetry_processors=[role], signals=["traces"], sampler=ALWAYS_ON)
FlaskInstrumentor().instrument_app(app, excluded_urls="^https?://[^/]+/health")


@app.route("/orders/<int:number>")
def order(number):
    return f"order {number}", 200 if number == 7 else 404


@app.route("/health")
def health():
    return "ok"


client = app.test_client()
for path in ("/orders/7?verbose=1", "/orders/8", "/health"):
    client.get(path)
